package shacl

// path is a property path [SHACL §2.3.1].
type path struct {
	property string // of a plain step
	kind     string // else inversePath, alternativePath, zeroOrMorePath, oneOrMorePath, zeroOrOnePath or "" for a sequence
	parts    []*path
}

// maxPath is how deep paths nest, and how many steps those go that may repeat.
const maxPath = 16

// path compiles a path.
func (c *compiler) path(id string, t term, depth int) *path {
	if depth > maxPath {
		c.fault(id, "sh:path nests deeper than %d", maxPath)
		return &path{}
	}
	if t.kind == isIRI {
		return &path{property: t.value}
	}
	if members, ok := c.g.lists[t.value]; ok {
		out := &path{}
		for _, m := range members {
			out.parts = append(out.parts, c.path(id, m, depth+1))
		}
		return out
	}
	for _, kind := range []string{"inversePath", "alternativePath", "zeroOrMorePath", "oneOrMorePath", "zeroOrOnePath"} {
		of := c.g.said[t.value][nsSH+kind]
		if len(of) == 0 {
			continue
		}
		inner := c.path(id, of[0], depth+1)
		if kind == "alternativePath" && inner.kind == "" {
			return &path{kind: kind, parts: inner.parts}
		}
		return &path{kind: kind, parts: []*path{inner}}
	}
	c.fault(id, "sh:path is none that is known here")
	return &path{}
}

// values are those that a path leads to from a node, each once.
func (r *run) values(p *path, focus term) []term {
	if p.property != "" {
		return r.said(focus, p.property)
	}
	var out []term
	seen := map[term]bool{}
	add := func(values []term) (more []term) {
		for _, t := range values {
			if !seen[t] && r.step() {
				seen[t] = true
				out, more = append(out, t), append(more, t)
			}
		}
		return more
	}
	switch p.kind {
	case "inversePath":
		for _, s := range r.g.inverse()[p.parts[0].property][focus] {
			add([]term{named(s)})
		}
	case "alternativePath":
		for _, part := range p.parts {
			add(r.values(part, focus))
		}
	case "":
		from := []term{focus}
		for _, part := range p.parts {
			var next []term
			for _, t := range from {
				next = append(next, r.values(part, t)...)
			}
			from = next
		}
		add(from)
	default:
		next := []term{focus}
		if p.kind != "oneOrMorePath" {
			add(next)
		}
		for i := 0; len(next) > 0 && (i == 0 || p.kind != "zeroOrOnePath" && i < maxPath); i++ {
			var found []term
			for _, t := range next {
				found = append(found, r.values(p.parts[0], t)...)
			}
			next = add(found)
		}
	}
	return out
}
