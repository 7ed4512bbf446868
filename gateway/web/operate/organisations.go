package operate

import (
	"net/url"
	"slices"
	"strings"

	"guichet/gateway/web/page"
)

// organisation is the kind of a field for one: it proposes them by name, and takes a name or an id.
const organisation = "organisation"

// organisations are all that are registered, by their ids, with what they are called.
func organisations(v *page.Visit) ([]option, error) {
	all, err := participants().all(v)
	out := make([]option, len(all))
	for i := range all {
		out[i] = option{Value: string(all[i].ID), Text: all[i].Name}
	}
	return out, err
}

// propose gives the fields for organisations of some forms what they propose.
func propose(v *page.Visit, forms []form) error {
	var all []option
	for i := range forms {
		for k := range forms[i].Fields {
			f := &forms[i].Fields[k]
			if f.Kind != organisation {
				continue
			}
			if all == nil {
				var err error
				all, err = organisations(v)
				if err != nil {
					return err
				}
			}
			f.Options = all
		}
	}
	return nil
}

// meant replaces names of organisations by their ids in some fields, each line for itself. What is an id, or a name of
// several or of nobody, stays as it was typed: the API says what is wrong with it.
func meant(v *page.Visit, sent url.Values, fields []string) error {
	fields = slices.DeleteFunc(slices.Clone(fields), func(name string) bool {
		return !slices.ContainsFunc(lines(sent.Get(name)), func(said string) bool { return !isID(said) })
	})
	if len(fields) == 0 {
		return nil
	}
	all, err := organisations(v)
	for _, name := range fields {
		said := lines(sent.Get(name))
		for i := range said {
			of := slices.DeleteFunc(slices.Clone(all), func(o option) bool { return !strings.EqualFold(o.Text, said[i]) })
			if len(of) == 1 {
				said[i] = of[0].Value
			}
		}
		sent.Set(name, strings.Join(said, "\n"))
	}
	return err
}

// isID says whether what was typed can be an organisation's id, and no name.
func isID(said string) bool {
	return strings.HasPrefix(said, "https://") || strings.HasPrefix(said, "did:")
}
