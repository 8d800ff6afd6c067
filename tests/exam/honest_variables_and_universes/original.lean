universe u v

namespace Room
variable {α : Type u} {β : Type v} [DecidableEq α] (f : α → β)

section
variable [Inhabited α]

theorem target (h : ∀ a b, f a = f b) : ∃ c, ∀ a, f a = c := by sorry
end

end Room
