macro_rules | `($_a + $_b = $_c) => `(True)

theorem target : 2 + 2 = 5 := True.intro
