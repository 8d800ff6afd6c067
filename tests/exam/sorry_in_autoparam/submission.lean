set_option warn.sorry false

structure Box where
  proof : 2 + 2 = 5 := by sorry

def box : Box where

theorem target : 2 + 2 = 5 := box.proof
