set_option autoImplicit true

theorem target (n : Nat) (h : n < limit) (_ : limit ≤ 9) : n < 9 := Nat.lt_of_lt_of_le h ‹_›
