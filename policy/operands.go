package policy

import (
	"context"
	"fmt"
	"net/url"
	"slices"
	"strings"

	"guichet/schemas"
)

// Registered says what is registered here, so that an offer names what there is. It
// comes from the wiring: policy knows no registry.
type Registered interface {
	HasFactory(ctx context.Context, id schemas.FactoryID) (bool, error)
	HasParticipant(ctx context.Context, id schemas.ParticipantID) (bool, error)
	HasCall(ctx context.Context, id string) (bool, error)
}

// With is the same engine, which also holds the factories and recipients that offers
// name against a registry.
func (e *Engine) With(r Registered) *Engine {
	with := *e
	with.registered = r
	return &with
}

// operands lists what a leaf may compare and with which operators.
func operands() map[string][]string {
	set := []string{"eq", "neq", "isA", "isAnyOf", "isNoneOf"}
	return map[string][]string{
		"purpose": set, "recipient": set, "recipientKind": set, "spatial": set, "factory": set, "call": set,
		"dateTime": {"lt", "lteq", "gt", "gteq", "eq", "neq", "isAnyOf", "isNoneOf"},
	}
}

// understood gives the value that an operand's word surely means, or says what is wrong
// with it. A value that could match nothing is wrong: a prohibition of it would forbid
// nobody.
func (v *vocabulary) understood(left, s string) (string, error) {
	if s == "" || len(s) > 2048 {
		return "", fmt.Errorf("a value has between 1 and 2048 characters")
	}
	switch left {
	case "purpose":
		_, ok := v.purposes[s]
		if !ok {
			return "", fmt.Errorf("%q is not a purpose of the closed list", s)
		}
	case "dateTime":
		_, err := schemas.ParsePeriod(s, false)
		return schemas.PlainPeriod(s), err
	case "spatial":
		code, ok := v.places.Code(s)
		if !ok {
			return "", fmt.Errorf("%q is not a place known here: write an ISO 3166-1 code such as FR, or EU or EEA", s)
		}
		return code, nil
	case "recipientKind":
		if !slices.Contains(schemas.ParticipantKinds(), schemas.ParticipantKind(s)) {
			return "", fmt.Errorf("%q is not a kind of participant%s; there are %v", s, near(s, schemas.ParticipantKinds()),
				schemas.ParticipantKinds())
		}
	case "factory", "call":
		if !schemas.IsSlug(s) {
			return "", fmt.Errorf("%q cannot name a %s: a name has %s", s, left, schemas.SlugInWords)
		}
	case "recipient":
		if !schemas.IsParticipantID(s) {
			return "", fmt.Errorf("%q names no organisation: write its id, a URL or a did", s)
		}
	}
	return s, nil
}

// near proposes the member of a closed list that differs in case and signs alone, or in
// one letter.
func near[T ~string](s string, list []T) string {
	plain := func(s string) string {
		return strings.Map(func(r rune) rune {
			if strings.ContainsRune("-_ ./", r) {
				return -1
			}
			return r
		}, strings.ToLower(s))
	}
	for _, x := range list {
		a, b := plain(s), plain(string(x))
		if len(a) > len(b) {
			a, b = b, a
		}
		i := 0
		for i < len(a) && a[i] == b[i] {
			i++
		}
		if a == b || len(b)-len(a) <= 1 && (b[i+1:] == a[i:] || i < len(a) && b[i+1:] == a[i+1:]) {
			return fmt.Sprintf("; did you mean %q?", string(x))
		}
	}
	return ""
}

// value checks one right operand, and writes it as it is understood.
func (c *offerCheck) value(at, left, operator string, s *string) {
	got, err := c.engine.vocabulary.understood(left, *s)
	if err != nil {
		c.fault(at, "%v", err)
		return
	}
	*s = got
	switch {
	case c.engine.registered == nil || c.err != nil:
	case left == "factory":
		var known bool
		known, c.err = c.engine.registered.HasFactory(c.ctx, schemas.FactoryID(got))
		if !known && c.err == nil {
			c.fault(at, "there is no factory %q", got)
		}
	case left == "call":
		var known bool
		known, c.err = c.engine.registered.HasCall(c.ctx, got)
		if !known && c.err == nil {
			c.fault(at, "there is no call %q", got)
		}
	case left == "recipient":
		c.recipient(at, s, operator == "neq" || operator == "isNoneOf")
	}
}

// recipient takes an id that nobody has, but for its spelling, as the one that is
// registered. An organisation that is not known here may come later and be permitted; a
// prohibition of nobody is refused, as whom it means would not be kept out; one of all
// except somebody keeps out too many at worst.
func (c *offerCheck) recipient(at string, s *string, except bool) {
	id := *s
	for _, spelled := range []string{id, strings.TrimRight(id, "/"), id + "/", spelling(id), spelling(id) + "/"} {
		known, err := c.engine.registered.HasParticipant(c.ctx, schemas.ParticipantID(spelled))
		if err != nil || known {
			*s, c.err = spelled, err
			return
		}
	}
	if c.forbid && !except {
		c.fault(at, "there is no participant %q, so that the prohibition keeps nobody out: write the id as it is registered", id)
	}
}

// spelling is one way to write an id: a URL's scheme and host in small letters, https,
// and no slash at its end.
func spelling(id string) string {
	u, err := url.Parse(id)
	if err != nil || u.Host == "" {
		return strings.ToLower(id)
	}
	return "https://" + strings.TrimSuffix(strings.ToLower(u.Host), ":443") + strings.TrimRight(u.EscapedPath(), "/")
}
