package policy

// SamePurpose says whether two names (ids or IRIs) mean the same purpose, or the
// second one a narrower one of the first.
func (e *Engine) SamePurpose(broad, narrow string) bool {
	b, n := e.vocabulary.purposes[broad].ID, e.vocabulary.purposes[narrow].ID
	if b == "" || n == "" {
		return false
	}
	for _, id := range e.vocabulary.closure[n] {
		if id == b {
			return true
		}
	}
	return false
}
