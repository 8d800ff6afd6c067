set_option warn.sorry false

structure Box where
  proof : 2 + 2 = 5 := sorry

theorem target : 2 + 2 = 5 := ({} : Box).proof
