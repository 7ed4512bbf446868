package dcatap

import (
	"encoding/json"
	"fmt"
	"strings"

	"guichet/connectors/rdf"
	"guichet/schemas"
)

// Nodes gives the statements that Write writes of a dataset, but for the inside of its
// policy, and the node that they are about, without a detour over text. codes are those of
// rdf.LoadCodes, which callers keep. Errors: as Write.
func Nodes(codes *rdf.Codes, d schemas.Dataset, publicURL string) (nodes []rdf.Node, root string, err error) {
	doc, err := describe(codes, d, publicURL)
	if err != nil {
		return nil, "", err
	}
	x := expander{}
	for prefix, ns := range prefixes() {
		x[prefix+":"], _ = ns.(string)
	}
	if policy, ok := doc["odrl:hasPolicy"].(object); ok { // written in terms of ODRL's own context
		doc["odrl:hasPolicy"] = object{"@id": policy["uid"]}
	}
	x["odrl:"] = "http://www.w3.org/ns/odrl/2/"
	n, ok := x.value(doc).(rdf.Node)
	if !ok {
		return nil, "", fmt.Errorf("dataset %s: its description is no node", d.ID)
	}
	return []rdf.Node{n}, rdf.ID(n), nil
}

// expander makes nodes of what is written here: prefixes to namespaces.
type expander map[string]string

func (x expander) iri(name string) string {
	prefix, rest, ok := strings.Cut(name, ":")
	if ns, known := x[prefix+":"]; ok && known && !strings.HasPrefix(rest, "//") {
		return ns + rest
	}
	return name
}

// value gives one value, or a list of them, in expanded form.
func (x expander) value(v any) any {
	switch t := v.(type) {
	case object:
		return x.node(t)
	case []object:
		return all(x, t)
	case []any:
		return all(x, t)
	case []string:
		return all(x, t)
	case nil:
		return nil
	case json.RawMessage:
		var decoded any
		if json.Unmarshal(t, &decoded) != nil {
			return nil
		}
		return x.value(decoded)
	}
	return rdf.Node{"@value": v}
}

func all[T any](x expander, list []T) []any {
	var out []any
	for _, item := range list {
		switch v := x.value(item).(type) {
		case nil:
		case []any:
			out = append(out, v...)
		default:
			out = append(out, v)
		}
	}
	return out
}

func (x expander) node(o object) rdf.Node {
	out := make(rdf.Node, len(o))
	_, literal := o["@value"]
	for k, v := range o {
		switch {
		case k == "@type" && literal:
			datatype, _ := v.(string)
			out[k] = x.iri(datatype)
		case k == "@type":
			out[k] = x.types(v)
		case k == "@id":
			id, _ := v.(string)
			out[k] = x.iri(id)
		case k == "@list":
			out[k] = x.value(v)
		case strings.HasPrefix(k, "@"):
			out[k] = v
		default:
			if _, many := v.([]any); !many {
				v = []any{v}
			}
			out[x.iri(k)] = x.value(v)
		}
	}
	return out
}

func (x expander) types(v any) []any {
	switch t := v.(type) {
	case string:
		return []any{x.iri(t)}
	case []string:
		out := make([]any, len(t))
		for i := range t {
			out[i] = x.iri(t[i])
		}
		return out
	case []any:
		var out []any
		for _, item := range t {
			out = append(out, x.types(item)...)
		}
		return out
	}
	return nil
}
