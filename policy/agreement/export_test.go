package agreement

// Attempts is how often a decision is made anew.
const Attempts = attempts

// InOneLook is how many projects one query names.
const InOneLook = inOneLook

// Judged is called between a decision and the transaction that stores it.
func (s *Agreements) Judged(f func()) { s.judged = f }
