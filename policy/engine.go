package policy

import (
	"cmp"
	"context"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/rego"

	"guichet/schemas"
	"guichet/schemas/spaces"
)

//go:embed rego/*.rego
var modules embed.FS

// Engine holds the compiled modules. Safe for concurrent use.
type Engine struct {
	vocabulary *vocabulary
	registered Registered // nil: offers are held against their form alone
	query      rego.PreparedEvalQuery
	spaces     []schemas.SpaceID
	digest     string // over all modules
	grouping   bool   // offers that differ in what no module reads may be judged as one
}

// New compiles the embedded modules and the baselines of data spaces; none are the
// embedded ones. Errors: Invalid for a baseline that does not compile, with its line.
func New(ctx context.Context, of ...schemas.SpaceProfile) (*Engine, error) {
	v, err := newVocabulary()
	if err != nil {
		return nil, err
	}
	if len(of) == 0 {
		of, err = spaces.Profiles()
		if err != nil {
			return nil, err
		}
	}
	sources, ids, err := Modules(of)
	if err != nil {
		return nil, err
	}
	options := []func(*rego.Rego){
		rego.Query("data.guichet.decision.results"), rego.Capabilities(capabilities()), rego.StrictBuiltinErrors(true),
	}
	hash := sha256.New()
	names := make([]string, 0, len(sources))
	for name := range sources {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		fmt.Fprintf(hash, "%s\x00%s\x00", name, sources[name])
		options = append(options, rego.Module(name, sources[name]))
	}
	query, err := rego.New(options...).PrepareForEval(ctx)
	if err != nil {
		e := schemas.Errorf(schemas.Invalid, "policy", "the policy modules do not compile: %w", err)
		e.Remedy = "space_NAME.rego is the baseline.rego of the data space NAME"
		return nil, e
	}
	return &Engine{
		vocabulary: v, query: query, spaces: ids, digest: hex.EncodeToString(hash.Sum(nil)), grouping: canGroup(sources),
	}, nil
}

// Modules gives the Rego sources by file name and the ids of the data spaces.
// The module that hands an item to its own space's baseline is written here,
// since Rego cannot call a rule by a computed name.
func Modules(of []schemas.SpaceProfile) (sources map[string]string, ids []schemas.SpaceID, err error) {
	sources = map[string]string{}
	entries, err := modules.ReadDir("rego")
	if err != nil {
		return nil, nil, fmt.Errorf("list the policy modules: %w", err)
	}
	for _, e := range entries {
		if strings.HasSuffix(e.Name(), "_test.rego") {
			continue
		}
		b, err := modules.ReadFile("rego/" + e.Name())
		if err != nil {
			return nil, nil, fmt.Errorf("read the policy modules: %w", err)
		}
		sources[e.Name()] = string(b)
	}
	var table strings.Builder
	table.WriteString("package guichet.spaces\n")
	for _, p := range of {
		sources["space_"+string(p.ID)+".rego"] = p.Baseline
		ids = append(ids, p.ID)
		fmt.Fprintf(&table, "\nfindings(ask, item) := data.guichet.space.%s.findings(ask, item) if item.space == %q\n", p.ID, p.ID)
	}
	sources["spaces.rego"] = table.String()
	return sources, ids, nil
}

// capabilities leaves the modules no way to the network, the clock or chance:
// a decision depends on its input alone and can be replayed.
func capabilities() *ast.Capabilities {
	c := ast.CapabilitiesForThisVersion()
	c.AllowNet = []string{}
	c.Builtins = slices.DeleteFunc(c.Builtins, func(b *ast.Builtin) bool {
		return b.Nondeterministic || strings.HasPrefix(b.Name, "net.") || strings.HasPrefix(b.Name, "crypto.") ||
			slices.Contains([]string{"http.send", "opa.runtime", "trace", "print", "time.now_ns", "rand.intn", "uuid.rfc4122"}, b.Name)
	})
	return c
}

// Attributes is who asks for what: everything a decision may read about the caller.
// Zero members are facts that were not said; they never help.
type Attributes struct {
	Participant schemas.Participant
	Project     schemas.Project
	Factory     schemas.Factory
	Purpose     string // id or IRI
	Action      string // when empty, what the purpose does with data
	Now         time.Time
}

// Item is one dataset to judge.
type Item struct {
	Dataset *schemas.Dataset // with its Offer; none means no permission
}

// Decide judges every item by the three layers, in one evaluation. The result
// is in the order of the items. Errors: Invalid for an unknown purpose.
func (e *Engine) Decide(ctx context.Context, f Attributes, items []Item) ([]schemas.Decision, error) {
	return e.decide(ctx, f, items, func(t *itemTerms) *group { return &group{terms: t.terms, key: t.key} })
}

// decide judges items in groups: of each group the modules see one.
func (e *Engine) decide(
	ctx context.Context, f Attributes, items []Item, grouped func(t *itemTerms) *group,
) ([]schemas.Decision, error) {
	ask, err := e.ask(f)
	if err != nil {
		return nil, err
	}
	list := map[string]any{}
	distinct := make([]string, len(items)) // key of each item: equal terms are judged once
	groups := make([]*group, len(items))
	odd := e.unregistered(ctx, &err)
	for i, it := range items {
		t, wrong := e.terms(it.Dataset, odd)
		if wrong != nil {
			return nil, wrong
		}
		distinct[i], groups[i] = t.key, grouped(t)
		list[groups[i].key] = groups[i].terms
	}
	if err != nil {
		return nil, err
	}
	answers, err := e.evaluate(ctx, ask, list)
	if err != nil {
		return nil, err
	}
	askDigest := digestOf(e.digest, ask)
	out := make([]schemas.Decision, len(items))
	for i, it := range items {
		out[i] = groups[i].answer(answers).decision(it.Dataset, f)
		if out[i].Verdict != schemas.VerdictNo {
			out[i].Notes = e.licenceNotes(it.Dataset, f)
		}
		out[i].Digest = digestOf(askDigest, distinct[i])
		out[i].ValidUntil = nextInstant(it.Dataset.Offer, f.Now)
	}
	err = e.beside(ctx, stage, ask, f, items, groups, out, func(dec *schemas.Decision, not *schemas.Reason) { dec.Stage = not == nil })
	if err != nil {
		return nil, err
	}
	return out, e.beside(ctx, direct, ask, f, items, groups, out, func(dec *schemas.Decision, not *schemas.Reason) {
		if not == nil {
			not = notByURL(dec.Obligations, nil, &f.Factory)
		}
		dec.Direct, dec.NotDirect = not == nil, not
	})
}

// evaluate asks the modules about terms by their keys.
func (e *Engine) evaluate(ctx context.Context, ask, terms map[string]any) (map[string]answer, error) {
	rs, err := e.query.Eval(ctx, rego.EvalInput(map[string]any{"ask": ask, "items": terms}))
	if err != nil {
		return nil, fmt.Errorf("evaluate the policy: %w", err)
	}
	return parseResults(rs)
}

// beside says of each decision that is no refusal, and whose offer speaks of an action beside the
// use, whether it goes for that too, or why not: the same terms, facts and rules are asked about
// the action, and what they demand for it has to be demanded for the use already, since a copy
// and a URL show what a stream shows.
func (e *Engine) beside(
	ctx context.Context, action string, ask map[string]any, f Attributes, items []Item, groups []*group,
	out []schemas.Decision, say func(dec *schemas.Decision, not *schemas.Reason),
) error {
	offered := map[string]any{}
	for i, it := range items {
		if out[i].Verdict != schemas.VerdictNo && speaksOf(it.Dataset.Offer, action) {
			offered[groups[i].key] = groups[i].terms
		}
	}
	if len(offered) == 0 { // as of most offers
		return nil
	}
	ask = maps.Clone(ask)
	ask["action"] = action
	answers, err := e.evaluate(ctx, ask, offered)
	if err != nil {
		return err
	}
	for i, it := range items {
		_, asked := offered[groups[i].key]
		if out[i].Verdict == schemas.VerdictNo || !asked {
			continue
		}
		say(&out[i], notBeside(groups[i].answer(answers).decision(it.Dataset, f), &out[i]))
	}
	return nil
}

// notBeside says why an action is not permitted beside a use; nil where it is.
func notBeside(action schemas.Decision, use *schemas.Decision) *schemas.Reason {
	if action.Verdict == schemas.VerdictNo {
		return &action.Reasons[0]
	}
	for _, d := range action.Obligations {
		if !slices.ContainsFunc(use.Obligations, func(have schemas.Duty) bool { return reflect.DeepEqual(have, d) }) {
			return &schemas.Reason{Rule: d.Rule, Source: d.Source, Text: "it demands " + d.Kind + ", which the use does not", Remedy: askForTerms}
		}
	}
	return nil
}

// speaksOf says whether a permission of an offer names an action.
func speaksOf(o *schemas.Offer, action string) bool {
	return o != nil && slices.ContainsFunc(o.Rules, func(r schemas.Rule) bool {
		return r.Kind == schemas.Permission && slices.Contains(r.Actions, action)
	})
}

// unregistered says of a factory that an offer names whether there is none of that name;
// what the registry fails with is left in err.
func (e *Engine) unregistered(ctx context.Context, err *error) func(factory string) bool {
	seen := map[string]bool{}
	return func(factory string) bool {
		missing, asked := seen[factory]
		if asked || e.registered == nil || *err != nil {
			return missing
		}
		var known bool
		known, *err = e.registered.HasFactory(ctx, schemas.FactoryID(factory))
		seen[factory] = !known
		return !known
	}
}

// Action is what an ask does with data: what it says, else what its purpose does,
// else use.
func (e *Engine) Action(f Attributes) string {
	return cmp.Or(f.Action, e.vocabulary.purposes[f.Purpose].Action, "use")
}

// ask is the input's half about the caller.
func (e *Engine) ask(f Attributes) (map[string]any, error) {
	exact, closure := map[string][]string{}, map[string][]string{}
	ask := map[string]any{"exact": exact, "closure": closure, "now": f.Now.UnixMicro(), "purpose": map[string]any{}, "near": []string{}}
	set := func(name string, values ...string) {
		if len(values) > 0 && values[0] != "" {
			exact[name], closure[name] = values, values
		}
	}
	if f.Purpose != "" {
		p, err := e.vocabulary.purpose(f.Purpose)
		if err != nil {
			return nil, err
		}
		exact["purpose"], closure["purpose"] = []string{p.ID}, e.vocabulary.closure[p.ID]
		about := map[string]any{"id": p.ID, "label": p.Label["en"], "public_body": p.PublicBody}
		if p.EHDS != "" {
			about["ehds"] = p.EHDS
		}
		if p.Excluded != "" {
			about["excluded"] = p.Excluded
		}
		ask["purpose"] = about
	}
	set("recipient", string(f.Participant.ID))
	if f.Participant.ID != "" {
		ask["near"] = []string{spelling(string(f.Participant.ID))}
	}
	if slices.Contains(schemas.ParticipantKinds(), f.Participant.Kind) { // another one was never said
		set("recipientKind", string(f.Participant.Kind))
	}
	set("factory", string(f.Factory.ID))
	set("call", f.Project.Call)
	country := f.Factory.Country
	if country == "" {
		country = f.Participant.Country
	}
	set("spatial", e.vocabulary.within(country)...)
	if f.Participant.Kind != "" {
		ask["kind"] = string(f.Participant.Kind)
	}
	ask["action"] = e.Action(f)
	if !slices.Contains(asks(), ask["action"].(string)) {
		return nil, schemas.BadField("action", "/action", "%q is not an action; use one of %v", f.Action, asks())
	}
	factory := map[string]any{"id": string(f.Factory.ID)}
	if f.Factory.Secure {
		factory["secure"] = true
	}
	ask["factory"] = factory
	return ask, nil
}

// ruleTerms are the terms of one rule in the form that Rego judges.
type ruleTerms struct {
	ID      string           `json:"id"`
	Kind    schemas.RuleKind `json:"kind"`
	Actions []string         `json:"actions"`
	Nodes   []node           `json:"nodes"`
	Root    int              `json:"root"`
	Duties  []schemas.Duty   `json:"duties"`
}

// itemTerms is the input's half about one dataset, and its key: equal keys are equal terms.
type itemTerms struct {
	terms map[string]any
	rules []ruleTerms
	key   string
}

// terms writes the terms of a dataset as the modules read them.
func (e *Engine) terms(d *schemas.Dataset, odd func(factory string) bool) (*itemTerms, error) {
	rules := []ruleTerms{}
	review := false
	if d.Offer != nil {
		review = d.Offer.Review
		for i := range d.Offer.Rules {
			r := &d.Offer.Rules[i]
			t := ruleTerms{ID: r.ID, Kind: r.Kind, Actions: r.Actions, Duties: r.Duties, Nodes: []node{}}
			if t.ID == "" {
				t.ID = fmt.Sprintf("offer §%d", i+1)
			}
			if t.Duties == nil {
				t.Duties = []schemas.Duty{}
			}
			if r.Constraint != nil {
				t.Nodes, t.Root = e.flatten(r.Constraint, odd)
			}
			rules = append(rules, t)
		}
	}
	type column struct {
		Name        string              `json:"name"`
		Sensitivity schemas.Sensitivity `json:"sensitivity"`
	}
	columns := []column{}
	for i := range d.Tables {
		for _, f := range d.Tables[i].Fields {
			if f.Sensitivity != schemas.SensitivityNone {
				columns = append(columns, column{f.Name, f.Sensitivity})
			}
		}
	}
	terms := map[string]any{"space": string(d.Space), "rules": rules, "review": review, "columns": columns}
	b, err := json.Marshal(terms)
	if err != nil {
		return nil, fmt.Errorf("write the terms of %s: %w", d.ID, err)
	}
	sum := sha256.Sum256(b)
	return &itemTerms{terms, rules, hex.EncodeToString(sum[:])}, nil
}

// digestOf names what a compiled policy was made of.
func digestOf(parts ...any) string {
	b, _ := json.Marshal(parts) // maps and strings: cannot fail
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}
