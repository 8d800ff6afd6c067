set_option warn.sorry false

section
private theorem hidden : 2 + 2 = 5 := sorry
end

theorem target : 2 + 2 = 5 := hidden
