package publish

import (
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"guichet/connectors/client"
	"guichet/gateway/web/owner"
	"guichet/gateway/web/page"
	"guichet/schemas"
)

// browsePage is a folder of a place, from which a row of the form is filled. All that was typed goes along in its links.
type browsePage struct {
	Dataset schemas.Dataset
	Typed   url.Values
	Row     int
	Places  []owner.Place
	Place   owner.Place // the one that is looked into; no store before one is chosen
	Below   string      // the folder that is shown, below the place
	Above   []step      // the way to it
	Entries []entry
	Folders []string // below it, where all of them are shown, by their names
	Next    string   // cursor
	Problem *schemas.Error
}

// step is a folder on the way.
type step struct{ Name, Below string }

// entry is what lies in the folder.
type entry struct {
	Key      string    `json:"key"`
	Folder   bool      `json:"folder"`
	Bytes    int64     `json:"bytes"`
	Modified time.Time `json:"modified"`
	Fault    string    `json:"fault"`
	Name     string    `json:"-"` // in the folder
	Below    string    `json:"-"` // the place
}

// What a page shows, and how many folders it offers to take as splits or tables at once.
const (
	mostEntries = 100
	mostOffered = 32
)

// browse shows a folder, or the places to choose from.
func browse(v *page.Visit) error {
	p := &browsePage{Typed: fromAddress(v.R.URL.Query())}
	var err error
	p.Dataset, err = owner.Dataset(v)
	if err == nil {
		p.Places, err = owner.Places(v)
	}
	if err != nil {
		return err
	}
	p.Row, _ = strconv.Atoi(p.Typed.Get("row")) // of none it is the first
	p.Row = max(0, min(p.Row, mostRows-1))
	asked := p.Typed.Get("in")
	if !p.Typed.Has("in") { // from the form: where its row points
		asked = get(p.Typed, "place", p.Row) + folderOf(get(p.Typed, "path", p.Row))
	}
	for _, place := range p.Places { // the one that goes farthest, where one lies in another
		if strings.HasPrefix(asked, place.String()) && len(place.Prefix) >= len(p.Place.Prefix) {
			p.Place, p.Below = place, asked[len(place.String()):]
		}
	}
	if p.Place.Store == "" && len(p.Places) == 1 && asked == "" {
		p.Place = p.Places[0]
	}
	status := http.StatusOK
	if p.Place.Store != "" {
		status, err = p.look(v)
	}
	if err != nil {
		return err
	}
	v.Show(status, "browse", v.Reader.T("publish.browse.title", "Dataset", owner.Name(v, &p.Dataset)), p)
	return nil
}

// folderOf is the folder of a path: of the path of a file the one that holds it.
func folderOf(path string) string { return path[:strings.LastIndexByte(path, '/')+1] }

// look asks what lies in the folder; what cannot be listed is said on the page.
func (p *browsePage) look(v *page.Visit) (status int, err error) {
	p.Below = strings.TrimPrefix(folderOf(p.Below), "/")
	for i, r := range p.Below {
		if r == '/' {
			p.Above = append(p.Above, step{p.Below[strings.LastIndexByte(p.Below[:i], '/')+1 : i], p.Below[:i+1]})
		}
	}
	prefix := p.Place.Prefix + p.Below
	var found schemas.Page[entry]
	err = v.API.Get(v.Ctx(), "/stores/"+url.PathEscape(string(p.Place.Store))+"/objects"+client.Query("bucket", p.Place.Bucket,
		"prefix", prefix, "cursor", p.Typed.Get("cursor"), "limit", strconv.Itoa(mostEntries)), &found)
	if e, status := refused(err); e != nil {
		p.Problem = e
		return status, nil
	}
	if err != nil {
		return 0, err
	}
	p.Next = found.Next
	for _, e := range found.Items {
		e.Name, e.Below = strings.TrimSuffix(strings.TrimPrefix(e.Key, prefix), "/"), strings.TrimPrefix(e.Key, p.Place.Prefix)
		p.Entries = append(p.Entries, e)
		if e.Folder && e.Fault == "" {
			p.Folders = append(p.Folders, e.Name)
		}
	}
	column := func(name string) bool { return strings.ContainsRune(name, '=') } // year=2026 is read as a column
	if p.Next != "" || p.Typed.Get("cursor") != "" || len(p.Folders) > mostOffered || slices.ContainsFunc(p.Folders, column) {
		p.Folders = nil
	}
	return http.StatusOK, nil
}

// link is a page of the dataset's with what was typed; what does not fit into an address is left out.
func (p *browsePage) link(page string, t url.Values, more ...string) string {
	to, fits := address(p.Dataset.ID, page, t, more...)
	if !fits {
		to, _ = address(p.Dataset.ID, page, nil, more...)
	}
	return to
}

// In is the page of another folder.
func (p *browsePage) In(place owner.Place, below string) string {
	return p.link("/publish/browse", p.Typed, "row", strconv.Itoa(p.Row), "in", place.String()+below)
}

// Further is the next page of this folder.
func (p *browsePage) Further() string {
	return p.link("/publish/browse", p.Typed, "row", strconv.Itoa(p.Row), "in", p.Place.String()+p.Below, "cursor", p.Next)
}

// Back is the form as it was.
func (p *browsePage) Back() string { return p.link("/publish", p.Typed) }

// rows are those of the form, with the row that is filled.
func (p *browsePage) rows() []row {
	rows := rowsOf(p.Typed)
	for len(rows) <= p.Row {
		rows = append(rows, row{Table: "data"})
	}
	return rows
}

// filled is the form with these rows.
func (p *browsePage) filled(rows []row) string {
	t := url.Values{}
	for name, values := range p.Typed {
		t[name] = values
	}
	putRows(t, rows[:min(len(rows), mostRows)])
	return p.link("/publish", t)
}

// Take is the form with the row filled by a folder or a file.
func (p *browsePage) Take(below string) string {
	rows := p.rows()
	rows[p.Row].Place, rows[p.Row].Path = p.Place.String(), below
	return p.filled(rows)
}

// Splits is the form with a row for each folder, as splits of one table.
func (p *browsePage) Splits() string { return p.each(func(r *row, name string) { r.Split = name }) }

// Tables is the form with a row for each folder, as tables.
func (p *browsePage) Tables() string {
	return p.each(func(r *row, name string) { r.Table, r.Split = name, "" })
}

// each puts rows for the folders in the place of the row.
func (p *browsePage) each(name func(r *row, folder string)) string {
	rows := p.rows()
	var all []row
	for _, folder := range p.Folders {
		r := rows[p.Row]
		r.Place, r.Path = p.Place.String(), p.Below+folder+"/"
		name(&r, slug(folder))
		all = append(all, r)
	}
	return p.filled(slices.Replace(rows, p.Row, p.Row+1, all...))
}

// slug makes a name of a folder one that tables and splits can have, as near as it can be.
func slug(name string) string {
	plain := strings.Map(func(r rune) rune {
		if schemas.IsSlug("a" + string(r)) {
			return r
		}
		return '-'
	}, strings.ToLower(name))
	plain = strings.TrimLeft(plain, "-._")
	return plain[:min(len(plain), 64)]
}
