package stream

import "guichet/schemas"

// Shows says whether columns of a table can be shown under an agreement: nil, or the
// error that every stream of them would end with. It makes the view and throws it
// away; the key does not matter to that.
func Shows(t *schemas.Table, a *schemas.Agreement, columns []string) error {
	_, err := newView(t, a, columns, make([]byte, 32))
	return err
}
