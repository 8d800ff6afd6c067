namespace Core
axiom propext : 2 + 2 = 5
end Core

theorem target : 2 + 2 = 5 := Core.propext
