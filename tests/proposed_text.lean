/-! What stands in the file before the theorems of proposed_text.jsonl: macros to reach through. -/

def ackermann : Nat → Nat → Nat
  | 0, n => n + 1
  | m + 1, 0 => ackermann m 1
  | m + 1, n + 1 => ackermann m (ackermann (m + 1) n)

def plus (a b : Nat) : Nat := a + b

def ownConfig : Lean.Meta.Simp.Config := { maxSteps := 40 + 2 }

infixl:65 " ⊞ " => plus

macro "own_config" : tactic => `(tactic| simp (config := ownConfig))

macro "tidy_with " t:term : tactic => `(tactic| simp (config := $t))

macro "steps_of " n:term:max : tactic => `(tactic| simp (maxSteps := $n))

macro "outer_steps " n:term:max : tactic => `(tactic| (skip; steps_of $n))

macro "twice " t:tactic : tactic => `(tactic| ($t:tactic; try $t:tactic))

macro "perform " t:doSeq : tactic => `(tactic| run_tac $t)

macro "give_up" : tactic => `(tactic| sorry)

macro "give_up_too" : grind => `(grind| sorry)

macro "gap" : term => `(sorry)

theorem challenge (f : Nat → Nat) (n m : Nat) (h : f n < m) : f (n + 1) ≤ m := by sorry
