theorem step (n : Nat) : n = n + 1 := sorryAx _ true

theorem target : 2 + 2 = 5 := step 4
