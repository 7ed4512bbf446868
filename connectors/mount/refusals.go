package mount

import (
	"context"
	"errors"
	"sync"

	"guichet/schemas"
)

// refusals keeps what was refused: it is told once, and refused from then on.
type refusals struct {
	tell func(text string)
	over func() // called at the first refusal; nil: nothing is to be done

	mu   sync.Mutex
	no   error           // what was refused: all is from then on
	told map[string]bool // what was told
}

// refused is what ended it; nil while it stands.
func (v *refusals) refused() error {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.no
}

// ended looks at an error that a program is about to get: it is told, and what the source
// refuses ends everything, also what the kernel has kept.
func (v *refusals) ended(err error) error {
	if err == nil || errors.Is(err, context.Canceled) {
		return err
	}
	v.mu.Lock()
	if v.told == nil {
		v.told = map[string]bool{}
	}
	first := !v.told[err.Error()]
	v.told[err.Error()] = true
	kind := schemas.KindOf(err)
	over := v.no == nil && (kind == schemas.Denied || kind == schemas.Gone || kind == schemas.NotFound)
	if over {
		v.no = err
	}
	v.mu.Unlock()
	if first {
		v.tell(text(err))
	}
	if over && v.over != nil {
		v.over()
	}
	return err
}

// text is an error for people.
func text(err error) string {
	e, ok := errors.AsType[*schemas.Error](err)
	if !ok {
		return err.Error()
	}
	if e.Remedy != "" {
		return e.Message + "; " + e.Remedy
	}
	return e.Message
}

// refusal says whether an error is a refusal, which does not pass.
func refusal(err error) bool {
	switch schemas.KindOf(err) {
	case schemas.Denied, schemas.Unauthenticated, schemas.Gone, schemas.NotFound:
		return true
	}
	return false
}
