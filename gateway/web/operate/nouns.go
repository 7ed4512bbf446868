package operate

import (
	"cmp"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"guichet/connectors/client"
	"guichet/gateway/web/page"
	"guichet/schemas"
)

// row is one noun of a table.
type row struct {
	ID    string
	To    string   // where it is changed
	At    string   // where more is said of it; "" for nowhere
	Cells []string // behind its name
	Name  string
}

// nounsPage is all nouns of a kind as a table, the form that adds one or changes the one that is open, and what else
// can be done to that.
type nounsPage struct {
	Title, About string
	Columns      []string
	Rows         []row
	Open         string // the noun that is open
	Forms        []form
	Done         string
}

// kind is nouns of a kind: how they are listed, and what a form says of one. The page of each is made alike:
//
//	GET  /operate/NAME          a table of all, and the form that adds one
//	GET  /operate/NAME?id=ID    the same with the form of ID, filled in, and what else can be done to it
//	POST /operate/NAME/put      one is added, or changed: what the form does not show stays as the API has it
//	POST /operate/NAME/ACT      something else is done: a stop, an end, a grant
//
// A change carries the revision that the form was filled in from: where another one is stored by then, the API says so
// and nothing is done. A form carries a key: sent twice, it is answered twice and done once.
type kind[T any] struct {
	name    string // of its page and of the API's path
	columns []string
	row     func(v *page.Visit, x *T) row
	revised func(x *T) int64
	fields  func(v *page.Visit, x *T) ([]field, error)
	read    func(sent url.Values, x *T) error                     // what was typed, over what is there
	more    func(v *page.Visit, x *T) []form                      // beside the form, of one that is open
	path    func(sent url.Values) string                          // where it is sent, if not at the list's
	acts    map[string]func(v *page.Visit, x *T) (string, any)    // other forms: where and what they send
	change  map[string]func(sent url.Values, x *T, v *page.Visit) // and those that change the noun itself
}

// all reads every noun.
func (k *kind[T]) all(v *page.Visit) ([]T, error) {
	return client.All[T](v.Ctx(), v.API, "/"+k.name+"?limit=1000")
}

// page is where they are kept.
func (k *kind[T]) page() string { return "/operate/" + k.name }

// list shows them, with the form of the one that the address names, or of a new one.
func (k *kind[T]) list(v *page.Visit) error {
	return k.show(v, http.StatusOK, v.R.URL.Query().Get("id"), "", nil, nil)
}

// show shows them; fault is what is wrong with the form of a name that was sent. What was typed stands in that form
// again, with what is wrong at each field.
func (k *kind[T]) show(v *page.Visit, status int, id, of string, sent url.Values, fault *schemas.Error) error {
	err := needs(v)
	if err != nil {
		return err
	}
	all, err := k.all(v)
	if err != nil {
		return err
	}
	body := nounsPage{Title: v.Reader.T("operate." + k.name), About: v.Reader.T("operated." + k.name), Done: v.R.URL.Query().Get("done")}
	for _, c := range k.columns {
		body.Columns = append(body.Columns, v.Reader.T(c))
	}
	var open T
	for i := range all {
		r := k.row(v, &all[i])
		r.To = page.At(k.page(), url.Values{"id": {r.ID}}) + "#form"
		body.Rows = append(body.Rows, r)
		if r.ID == id {
			open, body.Open = all[i], id
		}
	}
	fields, err := k.fields(v, &open)
	if err != nil {
		return err
	}
	title := "operate.add"
	if body.Open != "" {
		title = "operate.change"
		fields[0].Kind = fixed // its id
		fields = append(fields, field{Name: "revision", Kind: hidden, Value: shownNumber(k.revised(&open))},
			field{Name: "open", Kind: hidden, Value: id})
	}
	body.Forms = append(body.Forms, newForm(v, "put", k.page()+"/put", title, "operate.store", fields...))
	if body.Open != "" && k.more != nil {
		body.Forms = append(body.Forms, k.more(v, &open)...)
	}
	for i := range body.Forms {
		if f := &body.Forms[i]; fault != nil && f.To == k.page()+"/"+of {
			f.typed(sent)
			f.blame(fault)
		}
	}
	v.Show(status, "nouns", body.Title, &body)
	return nil
}

// found reads the noun that a form is about; the zero one where it adds one. Errors: NotFound where it is gone by now.
func (k *kind[T]) found(v *page.Visit, id string) (x T, err error) {
	if id == "" {
		return x, nil
	}
	all, err := k.all(v)
	if err != nil {
		return x, err
	}
	for i := range all {
		if k.row(v, &all[i]).ID == id {
			return all[i], nil
		}
	}
	return x, schemas.Errorf(schemas.NotFound, id, "there is no %q any more", id)
}

// put adds a noun or changes one. What is there is read first, so that what the form does not show stays: shares of
// a project's funding, the credential of a store.
func (k *kind[T]) put(v *page.Visit) error {
	sent := v.R.PostForm
	x, err := k.found(v, sent.Get("open"))
	if err != nil {
		return err
	}
	err = k.read(sent, &x)
	path := "/" + k.name
	if k.path != nil {
		path = k.path(sent)
	}
	var out T
	if err == nil {
		err = send(v, path, &x, &out)
	}
	if e := asked(err); e != nil {
		return k.show(v, http.StatusUnprocessableEntity, sent.Get("open"), "put", sent, e)
	}
	if err != nil {
		return err
	}
	return done(v, k.page(), k.row(v, &out).ID)
}

// act does what a form beside the noun's says.
func (k *kind[T]) act(name string) func(v *page.Visit) error {
	return func(v *page.Visit) error {
		sent := v.R.PostForm
		id := sent.Get("open")
		x, err := k.found(v, id)
		if err != nil {
			return err
		}
		path, in := "/"+k.name, any(&x)
		if change := k.change[name]; change != nil {
			change(sent, &x, v)
		} else {
			path, in = k.acts[name](v, &x)
		}
		err = send(v, path, in, nil)
		if e := asked(err); e != nil {
			return k.show(v, http.StatusUnprocessableEntity, id, name, sent, e)
		}
		if err != nil {
			return err
		}
		return done(v, k.page(), id)
	}
}

// mount adds their page and forms.
func (k *kind[T]) mount(p *page.Part) {
	p.Pages[k.page()] = page.Signed(k.list)
	p.Forms[k.page()+"/put"] = page.Signed(k.put)
	for name := range k.acts {
		p.Forms[k.page()+"/"+name] = page.Signed(k.act(name))
	}
	for name := range k.change {
		p.Forms[k.page()+"/"+name] = page.Signed(k.act(name))
	}
}

// needs says that a page is the operator's, where the API would show a list to others too.
func needs(v *page.Visit) error {
	if v.Has(schemas.RoleOperator) {
		return nil
	}
	return schemas.Refuse("page", "role.operator", "roles", v.Reader.T("operate.needs"), "")
}

// about are the fields of a form that does something to the noun that is open.
func about(id string, revision int64, fields ...field) []field {
	return append(fields, field{Name: "open", Kind: hidden, Value: id}, field{Name: "revision", Kind: hidden, Value: shownNumber(revision)})
}

// participants are organisations with their members.
func participants() *kind[schemas.Participant] {
	roles := []schemas.Role{schemas.RoleProvider, schemas.RoleTrainer, schemas.RoleOfficer, schemas.RoleOperator}
	return &kind[schemas.Participant]{
		name: "participants", columns: []string{"facet.country", "operate.kind", "me.roles", "request.state"},
		revised: func(p *schemas.Participant) int64 { return p.Revision },
		row: func(v *page.Visit, p *schemas.Participant) row {
			state := ""
			if p.Stopped {
				state = v.Reader.T("operate.stopped") + ": " + page.Cut(200, p.StopFor)
			}
			var in []string
			for _, r := range p.Roles {
				in = append(in, page.Named(v.Reader, "role.", string(r)))
			}
			return row{ID: string(p.ID), Name: p.Name, Cells: []string{
				p.Country, page.Named(v.Reader, "kind.", string(p.Kind)), v.Reader.List(in), state,
			}}
		},
		fields: func(v *page.Visit, p *schemas.Participant) ([]field, error) {
			var countries []option
			for _, c := range v.Reader.Countries() {
				countries = append(countries, option{c.Code, c.Name, c.Code == p.Country})
			}
			var members []string
			for _, m := range p.Members {
				members = append(members, m.Issuer+" "+m.Subject+" "+cmp.Or(strings.Join(texts(m.Roles), ","), noRoles))
			}
			var tell schemas.Notify
			if p.Notify != nil {
				tell = *p.Notify
			}
			return []field{
				{Name: "id", Kind: line, Value: string(p.ID), Required: true}, {Name: "name", Kind: line, Value: p.Name, Required: true},
				{Name: "country", Kind: pick, Options: none("", countries), Required: true},
				{Name: "kind", Kind: pick, Options: choices(schemas.ParticipantKinds(), func(k schemas.ParticipantKind) string {
					return page.Named(v.Reader, "kind.", string(k))
				}, p.Kind)},
				{Name: "roles", Kind: boxes, Options: choices(roles, func(r schemas.Role) string {
					return page.Named(v.Reader, "role.", string(r))
				}, p.Roles...)},
				{Name: "members", Kind: area, Value: strings.Join(members, "\n")},
				{Name: "notify/url", Kind: line, Value: tell.URL}, {Name: "notify/mail", Kind: line, Value: tell.Mail},
			}, nil
		},
		read: readParticipant,
		more: func(v *page.Visit, p *schemas.Participant) []form {
			name, title := "stop", "operate.stop"
			if p.Stopped {
				name, title = "unstop", "operate.unstop"
			}
			f := newForm(v, name, "/operate/participants/"+name, title, title,
				about(string(p.ID), 0, field{Name: "reason", Kind: line, Required: true})...)
			f.Stop = !p.Stopped
			return []form{f}
		},
		acts: map[string]func(v *page.Visit, p *schemas.Participant) (string, any){
			"stop": func(v *page.Visit, p *schemas.Participant) (string, any) {
				return at("/participants/%s/stop", string(p.ID)), map[string]string{"reason": v.R.PostForm.Get("reason")}
			},
			"unstop": func(v *page.Visit, p *schemas.Participant) (string, any) {
				return at("/participants/%s/unstop", string(p.ID)), map[string]string{"reason": v.R.PostForm.Get("reason")}
			},
		},
	}
}

// noRoles stands for the roles of a member who has none.
const noRoles = "-"

// readParticipant reads what was typed of an organisation: a member in each line, as issuer, subject and roles.
func readParticipant(sent url.Values, p *schemas.Participant) error {
	p.ID, p.Name, p.Country = schemas.ParticipantID(strings.TrimSpace(sent.Get("id"))), sent.Get("name"), sent.Get("country")
	p.Kind, p.Roles, p.Members = schemas.ParticipantKind(sent.Get("kind")), as[schemas.Role](sent["roles"]), nil
	for n, l := range lines(sent.Get("members")) {
		l = strings.TrimSpace(l)
		first, last := strings.IndexByte(l, ' '), strings.LastIndexByte(l, ' ')
		if first < 0 || strings.TrimSpace(l[first:last]) == "" {
			return typing("members", "line %d has no issuer, subject and roles with spaces between them", n+1)
		}
		m := schemas.Member{Issuer: l[:first], Subject: strings.TrimSpace(l[first:last])} // which may have spaces of its own
		if said := l[last+1:]; said != noRoles {
			m.Roles = as[schemas.Role](strings.Split(said, ","))
		}
		p.Members = append(p.Members, m)
	}
	tell := schemas.Notify{URL: strings.TrimSpace(sent.Get("notify/url")), Mail: strings.TrimSpace(sent.Get("notify/mail"))}
	p.Notify = nil
	if tell != (schemas.Notify{}) {
		p.Notify = &tell
	}
	if p.Roles == nil {
		p.Roles = []schemas.Role{}
	}
	return nil
}

// projects are undertakings of organisations.
func projects() *kind[schemas.Project] {
	return &kind[schemas.Project]{
		name: "projects", columns: []string{"operate.lead", "ask.factory", "ask.purpose", "operate.call", "agreement.until"},
		revised: func(p *schemas.Project) int64 { return p.Revision },
		row: func(v *page.Visit, p *schemas.Project) row {
			var for_ []string
			for _, x := range p.Purposes {
				for_ = append(for_, v.Reader.Purpose(x))
			}
			until := ""
			if !p.Until.IsZero() {
				until = v.Reader.Last(p.Until)
			}
			return row{ID: string(p.ID), Name: p.Title, Cells: []string{string(p.Lead), string(p.Factory), v.Reader.List(for_), p.Call, until}}
		},
		fields: projectFields,
		read:   readProject,
		more: func(v *page.Visit, p *schemas.Project) []form {
			f := newForm(v, "end", "/operate/projects/end", "operate.end", "operate.end", about(string(p.ID), p.Revision)...)
			f.Stop = true
			return []form{f}
		},
		change: map[string]func(url.Values, *schemas.Project, *page.Visit){
			"end": func(_ url.Values, p *schemas.Project, _ *page.Visit) {
				p.Until = time.Now().UTC().Truncate(time.Second)
			},
		},
	}
}

// projectFields are the fields of a project's form. A purpose may be stored by its IRI or its id: the box of the id
// is ticked for both.
func projectFields(v *page.Visit, p *schemas.Project) ([]field, error) {
	places, err := factories().all(v)
	if err != nil {
		return nil, err
	}
	var at []option
	for i := range places {
		at = append(at, option{string(places[i].ID), places[i].Name, places[i].ID == p.Factory})
	}
	spaces, err := client.All[schemas.SpaceProfile](v.Ctx(), v.API, "/spaces")
	if err != nil {
		return nil, err
	}
	var in []option
	for i := range spaces {
		in = append(in, option{string(spaces[i].ID), page.Named(v.Reader, "space.", string(spaces[i].ID)), spaces[i].ID == p.Domain})
	}
	list, err := schemas.Purposes()
	if err != nil {
		return nil, err
	}
	var taken []string
	for _, x := range list {
		for _, have := range p.Purposes {
			if have == x.ID || have == x.IRI {
				taken = append(taken, x.ID)
			}
		}
	}
	var money schemas.Funding
	if p.Funding != nil {
		money = *p.Funding
	}
	return []field{
		{Name: "id", Kind: line, Value: string(p.ID), Required: true}, {Name: "title", Kind: line, Value: p.Title, Required: true},
		{Name: "description", Kind: area, Value: p.Description}, {Name: "lead", Kind: line, Value: string(p.Lead), Required: true},
		{Name: "partners", Kind: area, Value: strings.Join(texts(p.Partners), "\n")}, {Name: "factory", Kind: pick, Options: at},
		{Name: "purposes", Kind: boxes, Options: choices(v.Reader.Purposes(), v.Reader.Purpose, taken...)},
		{Name: "domain", Kind: pick, Options: none("", in)},
		{Name: "from", Kind: day, Value: shownDay(p.From, false)}, {Name: "until", Kind: day, Value: shownDay(p.Until, true)},
		{Name: "funding/programme", Kind: line, Value: money.Programme}, {Name: "funding/call", Kind: line, Value: money.Call},
		{Name: "funding/grant", Kind: line, Value: money.Grant},
	}, nil
}

// boxedPurposes are the ids and IRIs of the purposes that have a box in forms: those that no law excludes.
func boxedPurposes() (map[string]bool, error) {
	all, err := schemas.Purposes()
	boxed := map[string]bool{}
	for _, p := range all {
		if p.Excluded == "" {
			boxed[p.ID], boxed[p.IRI] = true, true
		}
	}
	return boxed, err
}

// readProject reads what was typed of a project. A day that was not touched stays the moment that it was: a project
// that runs until noon goes on doing so. Errors: Invalid for what is no day.
func readProject(sent url.Values, p *schemas.Project) error {
	p.ID, p.Title, p.Description = schemas.ProjectID(strings.TrimSpace(sent.Get("id"))), sent.Get("title"), sent.Get("description")
	p.Lead, p.Partners = schemas.ParticipantID(strings.TrimSpace(sent.Get("lead"))), as[schemas.ParticipantID](lines(sent.Get("partners")))
	p.Factory, p.Domain = schemas.FactoryID(sent.Get("factory")), schemas.SpaceID(sent.Get("domain"))
	boxed, err := boxedPurposes()
	if err != nil {
		return err
	}
	kept := slices.DeleteFunc(slices.Clone(p.Purposes), func(have string) bool { return boxed[have] }) // no box shows them
	p.Purposes = append(append([]string{}, sent["purposes"]...), kept...)
	money := schemas.Funding{}
	if p.Funding != nil {
		money = *p.Funding
	}
	money.Programme, money.Call, money.Grant = sent.Get("funding/programme"), sent.Get("funding/call"), sent.Get("funding/grant")
	p.Funding = nil
	if money != (schemas.Funding{}) {
		p.Funding = &money
	}
	for name, was := range map[string]struct {
		at   *time.Time
		last bool
	}{"from": {&p.From, false}, "until": {&p.Until, true}} {
		if sent.Get(name) == shownDay(*was.at, was.last) { // which may be a moment within the day
			continue
		}
		var late error
		*was.at, late = dayOf(sent, name, was.last)
		if late != nil {
			err = late
		}
	}
	return err
}

// factories are sites that train.
func factories() *kind[schemas.Factory] {
	return &kind[schemas.Factory]{
		name: "factories", columns: []string{"facet.country", "ask.secure", "opfield.egress"},
		revised: func(f *schemas.Factory) int64 { return f.Revision },
		row: func(v *page.Visit, f *schemas.Factory) row {
			secure := ""
			if f.Secure {
				secure = v.Reader.T("operate.yes")
			}
			return row{ID: string(f.ID), Name: f.Name, Cells: []string{f.Country, secure, strings.Join(f.Egress, ", ")}}
		},
		fields: func(v *page.Visit, f *schemas.Factory) ([]field, error) {
			var countries []option
			for _, c := range v.Reader.Countries() {
				countries = append(countries, option{c.Code, c.Name, c.Code == f.Country})
			}
			return []field{
				{Name: "id", Kind: line, Value: string(f.ID), Required: true}, {Name: "name", Kind: line, Value: f.Name, Required: true},
				{Name: "country", Kind: pick, Options: none("", countries), Required: true},
				{Name: "egress", Kind: area, Value: strings.Join(f.Egress, "\n")}, {Name: "regions", Kind: area, Value: strings.Join(f.Regions, "\n")},
				{Name: "partitions", Kind: area, Value: strings.Join(f.Partitions, "\n")},
				{Name: "secure", Kind: box, Options: []option{{"yes", "", f.Secure}}},
			}, nil
		},
		read: func(sent url.Values, f *schemas.Factory) error {
			f.ID, f.Name, f.Country = schemas.FactoryID(strings.TrimSpace(sent.Get("id"))), sent.Get("name"), sent.Get("country")
			f.Egress, f.Regions, f.Partitions = lines(sent.Get("egress")), lines(sent.Get("regions")), lines(sent.Get("partitions"))
			f.Secure = sent.Get("secure") != ""
			return nil
		},
	}
}

// stores are S3 stores, with the prefixes in them that were granted.
func stores() *kind[schemas.Store] {
	return &kind[schemas.Store]{
		name: "stores", columns: []string{"opfield.endpoint", "opfield.region", "opfield.workbucket", "operate.granted"},
		revised: func(s *schemas.Store) int64 { return s.Revision },
		row: func(v *page.Visit, s *schemas.Store) row {
			return row{ID: string(s.ID), Name: string(s.ID), Cells: []string{s.Endpoint, s.Region, s.WorkBucket,
				v.Reader.T("operate.prefixes", "Count", len(s.Prefixes))}}
		},
		fields: func(_ *page.Visit, s *schemas.Store) ([]field, error) {
			var granted []string
			for _, p := range s.Prefixes {
				granted = append(granted, string(p.Participant)+" "+p.Bucket+" "+p.Prefix)
			}
			return []field{
				{Name: "id", Kind: line, Value: string(s.ID), Required: true}, {Name: "endpoint", Kind: line, Value: s.Endpoint, Required: true},
				{Name: "region", Kind: line, Value: s.Region}, {Name: "public_endpoint", Kind: line, Value: s.PublicEndpoint},
				{Name: "credential_ref", Kind: line, Required: s.ID == ""}, // never shown; one that is left empty stays
				{Name: "work_bucket", Kind: line, Value: s.WorkBucket}, {Name: "own", Kind: box, Options: []option{{"yes", "", s.Own}}},
				{Name: "prefixes", Kind: area, Value: strings.Join(granted, "\n")},
				{Name: "unchecked", Kind: box, Options: []option{{"yes", "", false}}},
			}, nil
		},
		read: readStore,
		path: func(sent url.Values) string {
			if sent.Get("unchecked") != "" {
				return "/stores?unchecked=true"
			}
			return "/stores"
		},
		more: func(v *page.Visit, s *schemas.Store) []form {
			return []form{newForm(v, "grant", "/operate/stores/grant", "operate.grant", "operate.dogrant", about(string(s.ID), s.Revision,
				field{Name: "participant", Kind: line, Required: true}, field{Name: "bucket", Kind: line, Required: true},
				field{Name: "prefix", Kind: line, Required: true})...)}
		},
		change: map[string]func(url.Values, *schemas.Store, *page.Visit){
			"grant": func(sent url.Values, s *schemas.Store, _ *page.Visit) {
				s.Prefixes = append(s.Prefixes, schemas.Prefix{Participant: schemas.ParticipantID(strings.TrimSpace(sent.Get("participant"))),
					Bucket: strings.TrimSpace(sent.Get("bucket")), Prefix: strings.TrimSpace(sent.Get("prefix"))})
			},
		},
	}
}

// readStore reads what was typed of a store: a grant in each line, as participant, bucket and prefix.
func readStore(sent url.Values, s *schemas.Store) error {
	said := func(name string) string { return strings.TrimSpace(sent.Get(name)) }
	s.ID, s.Endpoint, s.Region = schemas.StoreID(said("id")), said("endpoint"), said("region")
	s.PublicEndpoint, s.WorkBucket, s.Own = said("public_endpoint"), said("work_bucket"), said("own") != ""
	if ref := said("credential_ref"); ref != "" {
		s.CredentialRef = ref
	}
	s.Prefixes = nil
	for n, l := range lines(sent.Get("prefixes")) {
		words := strings.SplitN(strings.TrimSpace(l), " ", 3) // a prefix may have spaces
		if len(words) != 3 {
			return typing("prefixes", "line %d has no participant, bucket and prefix with spaces between them", n+1)
		}
		s.Prefixes = append(s.Prefixes, schemas.Prefix{Participant: schemas.ParticipantID(words[0]), Bucket: words[1], Prefix: words[2]})
	}
	return nil
}
