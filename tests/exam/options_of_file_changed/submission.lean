set_option autoImplicit true
set_option relaxedAutoImplicit true

theorem target [LT Natt] [OfNat Natt 0] (n : Natt) (h : n > 0) : n > 0 := h
