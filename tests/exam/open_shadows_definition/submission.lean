namespace Easy
def small (_n : Nat) : Prop := True
end Easy

namespace Hard
def small (n : Nat) : Prop := n < 3
end Hard

open Easy in
theorem target : small 7 := True.intro
