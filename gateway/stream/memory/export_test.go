package memory

// OnGiveBack makes a budget say when it gives memory back to the system.
func (m *Budget) OnGiveBack(f func()) { m.give = f }
