// Package numbered writes statements as PostgreSQL has them.
//
// In: a statement with "?" for each argument, as SQLite has it. Out: the same with $1, $2 …
// Always: what stands in quotes stays as it is, and the statement says the same.
package numbered

import "strconv"

// Arguments turns each "?" of a query outside of quotes into $1, $2 …
func Arguments(query string) string {
	b := make([]byte, 0, len(query)+16)
	n, quote := 0, byte(0)
	for i := range len(query) {
		c := query[i]
		switch {
		case quote != 0:
			if c == quote {
				quote = 0
			}
		case c == '\'' || c == '"':
			quote = c
		case c == '?':
			n++
			b = append(b, '$')
			b = strconv.AppendInt(b, int64(n), 10)
			continue
		}
		b = append(b, c)
	}
	return string(b)
}
