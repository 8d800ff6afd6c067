set_option warn.sorry false

theorem step (n : Nat) : n = n + 1 := sorryAx _ true

theorem stride (n : Nat) : n + 4 = n + 5 := by rw [← step (n + 4)]

theorem target : 2 + 2 = 5 := stride 0
