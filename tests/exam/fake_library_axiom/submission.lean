axiom Std.Internal.Nat.add_sound : 2 + 2 = 5

theorem target : 2 + 2 = 5 := Std.Internal.Nat.add_sound
