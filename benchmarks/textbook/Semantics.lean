/-! Arithmetic expressions, a stack machine, constant folding. -/
inductive Exp where
  | num (n : Int)
  | var (x : String)
  | add (a b : Exp)
  | mul (a b : Exp)

def Exp.eval (s : String → Int) : Exp → Int
  | .num n => n
  | .var x => s x
  | .add a b => a.eval s + b.eval s
  | .mul a b => a.eval s * b.eval s

def Exp.fold : Exp → Exp
  | .num n => .num n
  | .var x => .var x
  | .add a b => match a.fold, b.fold with
    | .num m, .num n => .num (m + n)
    | a', b' => .add a' b'
  | .mul a b => .mul a.fold b.fold

theorem Exp.eval_fold (s : String → Int) (e : Exp) : e.fold.eval s = e.eval s := by sorry

def Exp.swap : Exp → Exp
  | .num n => .num n
  | .var x => .var x
  | .add a b => .add b.swap a.swap
  | .mul a b => .mul b.swap a.swap

theorem Exp.swap_swap (e : Exp) : e.swap.swap = e := by sorry
theorem Exp.eval_swap (s : String → Int) (e : Exp) : e.swap.eval s = e.eval s := by sorry

inductive Instr where
  | push (n : Int)
  | load (x : String)
  | add
  | mul

def Instr.exec (s : String → Int) : Instr → List Int → List Int
  | .push n, st => n :: st
  | .load x, st => s x :: st
  | .add, a :: b :: st => (b + a) :: st
  | .mul, a :: b :: st => (b * a) :: st
  | _, st => st

def run (s : String → Int) : List Instr → List Int → List Int
  | [], st => st
  | i :: is, st => run s is (i.exec s st)

def compile : Exp → List Instr
  | .num n => [.push n]
  | .var x => [.load x]
  | .add a b => compile a ++ compile b ++ [.add]
  | .mul a b => compile a ++ compile b ++ [.mul]

theorem run_append (s : String → Int) (p q : List Instr) (st : List Int) :
    run s (p ++ q) st = run s q (run s p st) := by sorry
theorem compile_correct (s : String → Int) (e : Exp) (st : List Int) :
    run s (compile e) st = e.eval s :: st := by sorry

def Exp.subst (x : String) (r : Exp) : Exp → Exp
  | .num n => .num n
  | .var y => if y = x then r else .var y
  | .add a b => .add (subst x r a) (subst x r b)
  | .mul a b => .mul (subst x r a) (subst x r b)

theorem Exp.eval_subst (s : String → Int) (x : String) (r e : Exp) :
    (Exp.subst x r e).eval s = e.eval (fun y => if y = x then r.eval s else s y) := by sorry

def Exp.vars : Exp → List String
  | .num _ => []
  | .var x => [x]
  | .add a b => a.vars ++ b.vars
  | .mul a b => a.vars ++ b.vars

theorem Exp.eval_congr (s t : String → Int) (e : Exp) (h : ∀ x ∈ e.vars, s x = t x) :
    e.eval s = e.eval t := by sorry
theorem Exp.subst_of_not_mem (x : String) (r e : Exp) (h : x ∉ e.vars) : Exp.subst x r e = e := by sorry

/-! Commands. -/
inductive Com where
  | skip
  | assign (x : String) (e : Exp)
  | seq (c d : Com)
  | ifz (e : Exp) (c d : Com)

inductive Big : Com → (String → Int) → (String → Int) → Prop where
  | skip : Big .skip s s
  | assign : Big (.assign x e) s (fun y => if y = x then e.eval s else s y)
  | seq : Big c s t → Big d t u → Big (.seq c d) s u
  | ifTrue : e.eval s = 0 → Big c s t → Big (.ifz e c d) s t
  | ifFalse : e.eval s ≠ 0 → Big d s t → Big (.ifz e c d) s t

theorem Big.deterministic (h : Big c s t) (h' : Big c s u) : t = u := by sorry
theorem Big.total (c : Com) (s : String → Int) : ∃ t, Big c s t := by sorry
theorem Big.seq_assoc : Big (.seq (.seq a b) c) s t ↔ Big (.seq a (.seq b c)) s t := by sorry
theorem Big.skip_seq : Big (.seq .skip c) s t ↔ Big c s t := by sorry
theorem Big.if_same : Big (.ifz e c c) s t ↔ Big c s t := by sorry

def Com.exec : Com → (String → Int) → (String → Int)
  | .skip, s => s
  | .assign x e, s => fun y => if y = x then e.eval s else s y
  | .seq c d, s => d.exec (c.exec s)
  | .ifz e c d, s => if e.eval s = 0 then c.exec s else d.exec s

theorem Big.iff_exec : Big c s t ↔ c.exec s = t := by sorry
