package odrl

import (
	"strings"
	"testing"

	"guichet/schemas"
)

const rule = `"permission": [{"action": "use", "constraint": [%s]}]`

// Whatever is not understood, in any position, is refused with its term.
func TestRefused(t *testing.T) {
	one := func(c string) string { return strings.Replace(rule, "%s", c, 1) }
	cmp := func(left, op, right string) string {
		return one(`{"leftOperand": "` + left + `", "operator": "` + op + `", "rightOperand": ` + right + `}`)
	}
	for name, c := range map[string]struct{ members, pointer, term string }{
		"action":              {`"permission": [{"action": "print"}]`, "/permission/0/action", "odrl:print"},
		"action unknown":      {`"permission": [{"action": "frobnicate"}]`, "/permission/0/action", `"frobnicate"`},
		"one of two actions":  {`"permission": [{"action": ["use", "sell"]}]`, "/permission/0/action", "odrl:sell"},
		"no action":           {`"permission": [{"target": "https://x.example/d"}]`, "/permission/0/action", "names an action"},
		"action refinement":   {`"permission": [{"action": {"rdf:value": {"@id": "odrl:use"}, "refinement": {"leftOperand": "count", "operator": "eq", "rightOperand": "1"}}}]`, "/permission/0/action/refinement", "odrl:refinement"},
		"operand":             {cmp("count", "lteq", `"5"`), "/permission/0/constraint/0/leftOperand", "odrl:count"},
		"operand of others":   {cmp("https://w3id.org/catenax/policy/Membership", "eq", `"active"`), "/permission/0/constraint/0/leftOperand", "catenax/policy/Membership"},
		"operator":            {cmp("recipient", "isAllOf", `"https://x.example"`), "/permission/0/constraint/0/operator", "odrl:isAllOf"},
		"isPartOf elsewhere":  {cmp("purpose", "isPartOf", `"research"`), "/permission/0/constraint/0/operator", "odrl:isPartOf"},
		"purpose":             {cmp("purpose", "eq", `{"@id": "https://w3id.org/dpv#Personalisation"}`), "/permission/0/constraint/0/rightOperand", "Personalisation"},
		"place":               {cmp("spatial", "eq", `{"@id": "https://sws.geonames.org/2802361/"}`), "/permission/0/constraint/0/rightOperand", "geonames"},
		"time without zone":   {cmp("dateTime", "lt", `"2027-01-01T00:00:00"`), "/permission/0/constraint/0/rightOperand", "zone"},
		"kind":                {cmp("guichet", "eq", `"x"`), "/permission/0/constraint/0/leftOperand", `"guichet"`},
		"number":              {cmp("recipient", "eq", `5`), "/permission/0/constraint/0/rightOperand", "string or an IRI"},
		"datatype":            {cmp("recipient", "eq", `{"@value": "P1D", "@type": "xsd:duration"}`), "/permission/0/constraint/0/rightOperand", "xsd:duration"},
		"no right operand":    {one(`{"leftOperand": "purpose", "operator": "eq"}`), "/permission/0/constraint/0/rightOperand", "right operand"},
		"reference":           {one(`{"leftOperand": "purpose", "operator": "eq", "rightOperandReference": {"@id": "https://x.example/list"}}`), "/permission/0/constraint/0/rightOperandReference", "odrl:rightOperandReference"},
		"unit":                {one(`{"leftOperand": "recipient", "operator": "eq", "rightOperand": "a:b", "unit": "https://x.example/u"}`), "/permission/0/constraint/0/unit", "odrl:unit"},
		"xone":                {one(`{"xone": {"@list": [{"leftOperand": "purpose", "operator": "eq", "rightOperand": "research"}]}}`), "/permission/0/constraint/0/xone", "odrl:xone"},
		"andSequence":         {one(`{"andSequence": {"@list": []}}`), "/permission/0/constraint/0/andSequence", "odrl:andSequence"},
		"and with or":         {one(`{"and": [{"leftOperand": "purpose", "operator": "eq", "rightOperand": "research"}], "or": []}`), "/permission/0/constraint/0", "either and, or"},
		"empty or":            {one(`{"or": []}`), "/permission/0/constraint/0/or", "at least one"},
		"empty constraint":    {one(`{}`), "/permission/0/constraint/0/leftOperand", "leftOperand"},
		"literal constraint":  {one(`5`), "/permission/0/constraint/0", "an object is wanted"},
		"constraint by name":  {one(`"https://x.example/c1"`), "/permission/0/constraint/0", "not described"},
		"null constraint":     {one(`null`), "/permission/0/constraint", "null"},
		"language only":       {one(`{"@language": "en"}`), "/permission/0/constraint", "says nothing"},
		"@reverse":            {`"permission": [{"action": "use", "@reverse": {"permission": {"@id": "https://x.example/p"}}}]`, "/permission/0/@reverse", "@reverse"},
		"unknown member":      {`"permission": [{"action": "use"}], "prohibitions": [{"action": "use"}]`, "/prohibitions", `"prohibitions"`},
		"member of a rule":    {`"permission": [{"action": "use", "constrain": {"leftOperand": "purpose"}}]`, "/permission/0/constrain", `"constrain"`},
		"twice":               {`"prohibition": [{"action": "use"}], "prohibition": []`, "/prohibition", "twice"},
		"duty":                {`"permission": [{"action": "use", "duty": {"action": "compensate"}}]`, "/permission/0/duty/action", "odrl:compensate"},
		"duty's constraint":   {`"permission": [{"action": "use", "duty": {"action": "attribute", "attributedParty": "https://x.example", "constraint": {"leftOperand": "dateTime", "operator": "lt", "rightOperand": "2027-01-01"}}}]`, "/permission/0/duty/constraint", "odrl:constraint"},
		"attribute to nobody": {`"permission": [{"action": "use", "duty": {"action": "attribute"}}]`, "/permission/0/duty", "words to give"},
		"consequence":         {`"permission": [{"action": "use", "duty": {"action": "attribute", "attributedParty": "https://x.example", "consequence": {"action": "compensate"}}}]`, "/permission/0/duty/consequence", "odrl:consequence"},
		"remedy":              {`"prohibition": [{"action": "use", "remedy": {"action": "attribute"}}]`, "/prohibition/0/remedy", "odrl:remedy"},
		"duty of a ban":       {`"prohibition": [{"action": "use", "duty": {"action": "attribute"}}]`, "/prohibition/0/duty", "odrl:duty"},
		"lone obligation":     {`"obligation": [{"action": "attribute", "attributedParty": "https://x.example"}], "prohibition": [{"action": "use"}]`, "/obligation", "without a permission"},
		"inheritFrom":         {`"inheritFrom": "https://x.example/p", "permission": [{"action": "use"}]`, "/inheritFrom", "odrl:inheritFrom"},
		"profile":             {`"profile": "https://x.example/profile", "permission": [{"action": "use"}]`, "/profile", "https://x.example/profile"},
		"conflict":            {`"conflict": "perm", "permission": [{"action": "use"}]`, "/conflict", "odrl:perm"},
		"assignee":            {`"permission": [{"action": "use", "assignee": "https://x.example/a"}]`, "/permission/0/assignee", "recipient"},
		"target refined":      {`"permission": [{"action": "use", "target": {"@type": "AssetCollection", "source": "https://x.example/s", "refinement": {"leftOperand": "count", "operator": "lt", "rightOperand": "9"}}}]`, "/permission/0/target/refinement", "odrl:refinement"},
		"different targets":   {`"permission": [{"action": "use", "target": "https://x.example/1"}], "prohibition": [{"action": "use", "target": "https://x.example/2"}]`, "", "different targets"},
		"no rule":             {`"permission": []`, "", "between 1 and 64"},
		"filter member":       {`"permission": [{"action": "use", "duty": {"action": "urn:guichet:odrl:filter", "urn:guichet:odrl:expression": {"@type": "@json", "@value": {"colum": "x"}}}}]`, "/permission/0/duty/guichet:expression", "colum"},
	} {
		t.Run(name, func(t *testing.T) {
			o, err := Parse(wrap(c.members))
			e, ok := err.(*schemas.Error)
			if !ok || e.Kind != schemas.Invalid {
				t.Fatalf("accepted as %+v, %v", o, err)
			}
			for _, f := range e.Fields {
				if strings.HasPrefix(f.Pointer, c.pointer) && strings.Contains(f.Message, c.term) {
					return
				}
			}
			t.Errorf("want %s: …%s…, got %+v", c.pointer, c.term, e.Fields)
		})
	}
}

func TestRefusedDocuments(t *testing.T) {
	deep := strings.Repeat(`{"and": {"@list": [`, 16) + `{"leftOperand": "purpose", "operator": "eq", "rightOperand": "research"}` + strings.Repeat(`]}}`, 16)
	wide := strings.Repeat(`{"leftOperand": "spatial", "operator": "eq", "rightOperand": "FR"},`, schemas.MaxConstraintNodes+1)
	for name, c := range map[string]struct{ doc, word string }{
		"foreign context":  {`{"@context": "https://evil.example/c.jsonld", "@type": "Offer"}`, "evil.example"},
		"term to nothing":  {`{"@context": ["http://www.w3.org/ns/odrl.jsonld", {"prohibition": null}], "@type": "Offer", "permission": [{"action": "use"}], "prohibition": [{"action": "use"}]}`, "null"},
		"vocab to nothing": {`{"@context": ["http://www.w3.org/ns/odrl.jsonld", {"@vocab": null}], "@type": "Offer", "permission": [{"action": "use"}], "prohibitions": []}`, "null"},
		"keyword aliased":  {`{"@context": ["http://www.w3.org/ns/odrl.jsonld", {"lang": "@language"}], "@type": "Offer", "permission": [{"action": "use", "constraint": {"lang": "en"}}]}`, "@language"},
		"two policies":     {`{"@context": "http://www.w3.org/ns/odrl.jsonld", "@graph": [{"@type": "Offer", "permission": {"action": "use"}}, {"@type": "Set", "permission": {"action": "use"}}]}`, "2 ODRL policies"},
		"stray node":       {`{"@context": "http://www.w3.org/ns/odrl.jsonld", "@graph": [{"@type": "Offer", "permission": {"action": "use"}}, {"@id": "https://x.example/s", "action": "use"}]}`, "not part"},
		"described twice":  {`{"@context": "http://www.w3.org/ns/odrl.jsonld", "@type": "Offer", "permission": [{"@id": "_:a", "action": "use"}, {"@id": "_:a", "action": "read"}]}`, "described twice"},
		"an agreement":     {`{"@context": "http://www.w3.org/ns/odrl.jsonld", "@type": "Agreement", "permission": [{"action": "use"}]}`, "odrl:Agreement"},
		"17 levels":        {string(wrap(strings.Replace(rule, "%s", deep, 1))), "levels"},
		"1,025 nodes":      {string(wrap(strings.Replace(rule, "%s", "["+strings.TrimSuffix(wide, ",")+"]", 1))), "nodes"},
		"nested":           {strings.Repeat("[", 100) + strings.Repeat("]", 100), "nested"},
		"cut":              {`{"@context": `, "line 1"},
		"two documents":    {`{} {}`, "follows"},
		"circle":           {`{"@context": "http://www.w3.org/ns/odrl.jsonld", "@graph": [{"@type": "Offer", "permission": {"action": "use", "constraint": "_:c"}}, {"@id": "_:c", "and": [{"@id": "_:c"}]}]}`, "levels"},
	} {
		t.Run(name, func(t *testing.T) {
			o, err := Parse([]byte(c.doc))
			if schemas.KindOf(err) != schemas.Invalid || !strings.Contains(err.Error(), c.word) {
				t.Errorf("%+v, %v", o, err)
			}
		})
	}
	_, err := Parse([]byte(strings.Repeat(" ", MaxBytes+1)))
	if schemas.KindOf(err) != schemas.TooLarge {
		t.Error(err)
	}
}
