package operate

import (
	"net/http"
	"net/url"

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
	named   []string // fields of its forms in which organisations are named
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
	err = propose(v, body.Forms)
	if err != nil {
		return err
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
	err = meant(v, sent, k.named)
	if err == nil {
		err = k.read(sent, &x)
	}
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
		err = meant(v, sent, k.named)
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
