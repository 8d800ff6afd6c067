class Holds (p : Prop) : Prop where
  out : p

@[instance] axiom holds (p : Prop) : Holds p

theorem target : 2 + 2 = 5 := Holds.out
