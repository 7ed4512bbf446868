package ipc

import (
	"errors"
	"guichet/schemas"
)

// Invalid is an error of Kind Invalid; the subject is set by Conform. Causes
// stand in its sentence and nowhere else.
func Invalid(format string, args ...any) error {
	for i, a := range args {
		if err, ok := a.(error); ok {
			if e, ok := errors.AsType[*schemas.Error](err); ok && e.Message != "" {
				args[i] = errors.New(e.Message)
			}
		}
	}
	e := schemas.Errorf(schemas.Invalid, "", format, args...)
	e.Err = nil
	return e
}
