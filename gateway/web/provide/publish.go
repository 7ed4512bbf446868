package provide

import (
	"cmp"
	"crypto/rand"
	"net/http"
	"net/url"
	"path"
	"slices"
	"strings"
	"time"

	"guichet/connectors/client"
	"guichet/gateway/web/page"
	"guichet/schemas"
	"guichet/schemas/values"
)

// tryName is the version that a dry run is called by: the name of the one that is to come stays free.
const tryName = "dry-run"

// publishPage is the form of a publication from a granted prefix.
type publishPage struct {
	Dataset  schemas.Dataset
	Typed    typed
	Places   []place
	Versions []schemas.VersionSummary
	Problem  *schemas.Error
	Faults   []fault
	Key      string
}

// Wrong is what is wrong with a field; "" for nothing.
func (p *publishPage) Wrong(field string) string {
	for _, f := range p.Faults {
		if f.Field == field {
			return f.Message
		}
	}
	return ""
}

// Bases are the versions that a new one can add to.
func (p *publishPage) Bases() []schemas.VersionSummary {
	return slices.DeleteFunc(slices.Clone(p.Versions), func(s schemas.VersionSummary) bool { return s.State != schemas.VersionPublished })
}

// publish shows the form.
func publish(v *page.Visit) error {
	p := &publishPage{Typed: typed(v.R.URL.Query())}
	err := p.gather(v)
	if err != nil {
		return err
	}
	p.show(v, http.StatusOK)
	return nil
}

func (p *publishPage) show(v *page.Visit, status int) {
	v.Show(status, "publish", v.Reader.T("provide.publish.title", "Dataset", name(v, &p.Dataset)), p)
}

func (p *publishPage) gather(v *page.Visit) error {
	var err error
	p.Key = cmp.Or(p.Typed.Get("key"), rand.Text())
	p.Dataset, err = dataset(v)
	if err != nil {
		return err
	}
	p.Versions, err = client.All[schemas.VersionSummary](v.Ctx(), v.API, "/datasets/"+v.Param()+"/versions")
	if err != nil {
		return err
	}
	p.Places, err = places(v)
	return err
}

// carried are the fields of a publication, which its report carries on to the button that publishes.
func carried() []string {
	return []string{"place", "path", "table", "split", "version", "base", "objects", "dist", "distcolumns"}
}

// publication makes one of what was typed. What lies under a name that ends with a slash is published whole.
func publication(t typed) (schemas.Publication, error) {
	p := schemas.Publication{Version: schemas.VersionID(strings.TrimSpace(t.Get("version"))), Base: schemas.VersionID(t.Get("base"))}
	rest, is := strings.CutPrefix(t.Get("place"), "s3://")
	parts := strings.SplitN(rest, "/", 3)
	if !is || len(parts) < 3 {
		return p, schemas.BadField("publication", "/store", "say where the files are")
	}
	p.Store, p.Bucket = schemas.StoreID(parts[0]), parts[1]
	key := parts[2] + strings.TrimPrefix(strings.TrimSpace(t.Get("path")), "/")
	split := schemas.PublicationSplit{Name: strings.TrimSpace(t.Get("split")), Prefix: key}
	if !strings.HasSuffix(key, "/") {
		split.Prefix, split.Keys = "", []string{key}
	}
	p.Tables = []schemas.PublicationTable{{Name: cmp.Or(strings.TrimSpace(t.Get("table")), "data"), Objects: t.Get("objects") != "",
		Splits: []schemas.PublicationSplit{split}}}
	p.Distributions = consent(t, p.Tables[0].Name)
	return p, nil
}

// consent is of which columns the provider lets be told how values are distributed: none, unless she says so.
func consent(t typed, table string) (asked []string) {
	switch t.Get("dist") {
	case "all":
		return []string{table + "/*"}
	case "some":
		for name := range strings.SplitSeq(t.Get("distcolumns"), ",") {
			if name = strings.TrimSpace(name); name != "" {
				asked = append(asked, table+"/"+name)
			}
		}
	}
	return asked
}

// fieldOfPublication finds the field of the form that a fault is about.
func fieldOfPublication(pointer string) string {
	pointer = strings.TrimPrefix(pointer, "/body")
	switch {
	case strings.HasPrefix(pointer, "/version"):
		return "version"
	case strings.HasPrefix(pointer, "/base"):
		return "base"
	case strings.HasPrefix(pointer, "/store"), strings.HasPrefix(pointer, "/bucket"):
		return "place"
	case strings.HasPrefix(pointer, "/distributions"):
		return "distcolumns"
	case strings.HasSuffix(pointer, "/objects"):
		return "objects"
	case strings.HasPrefix(pointer, "/tables/0/splits"):
		if path.Base(pointer) == "name" {
			return "split"
		}
		return "path"
	case strings.HasPrefix(pointer, "/tables"):
		return "table"
	}
	return ""
}

// start asks for a publication, or for its report alone, once for each form that was shown; it gives the version by
// which it is watched.
func start(v *page.Visit, id schemas.DatasetID, t typed, key string, dry bool) (schemas.VersionID, error) {
	p, err := publication(t)
	if err != nil {
		return "", err
	}
	if p.DryRun = dry; dry {
		p.Version, key = tryName, key+"-dry"
	} else if p.Version == tryName { // a version never changes: no dry run could be called so any more
		return "", schemas.BadField("publication", "/version", "%s", v.Reader.T("provide.publish.tryname", "Name", tryName))
	}
	var begun schemas.VersionSummary
	err = v.Once("/datasets/"+url.PathEscape(string(id))+"/versions", key, p, &begun)
	return begun.Version, err
}

// begin begins a publication or its dry run, which go on when the browser leaves.
func begin(v *page.Visit) error {
	p := &publishPage{Typed: typed(v.R.PostForm)}
	err := p.gather(v)
	if err != nil {
		return err
	}
	dry := p.Typed.Get("do") != "send"
	name, err := start(v, p.Dataset.ID, p.Typed, p.Key, dry)
	if err == nil {
		watch(v, p.Dataset.ID, name, p.Typed, dry)
		return nil
	}
	e, status := asked(err)
	if own, is := err.(*schemas.Error); e == nil && is && own.Kind == schemas.NotFound { //nolint:errorlint // the client's, which wraps none
		e, status = own, http.StatusUnprocessableEntity
	}
	if e == nil {
		return err
	}
	p.Problem, p.Key = e, rand.Text() // under the old one the API keeps its no
	for _, f := range e.Fields {
		p.Faults = append(p.Faults, fault{fieldOfPublication(f.Pointer), f.Message, f.Pointer})
	}
	p.show(v, status)
	return nil
}

// watch sends the browser to where a publication is watched; after a dry run what was typed goes with it.
func watch(v *page.Visit, id schemas.DatasetID, version schemas.VersionID, t typed, dry bool) {
	q := url.Values{}
	for _, field := range carried() {
		if s := t.Get(field); s != "" && dry {
			q.Set(field, s)
		}
	}
	at := "/provide/" + url.PathEscape(string(id)) + "/versions/" + url.PathEscape(string(version))
	http.Redirect(v.W, v.R, page.At(at, q), http.StatusSeeOther)
}

// tryFirst reads the files of a dataset that was registered with a prefix; where that cannot begin, the form of the
// publication says why.
func tryFirst(v *page.Visit, id schemas.DatasetID, t typed, key string) error {
	name, err := start(v, id, t, key, true)
	if err == nil {
		watch(v, id, name, t, true)
		return nil
	}
	if e, _ := asked(err); e == nil && schemas.KindOf(err) != schemas.NotFound {
		return err
	}
	typed := url.Values{"place": {t.Get("place")}, "path": {t.Get("path")}}
	at := page.At("/provide/"+url.PathEscape(string(id))+"/publish", typed)
	http.Redirect(v.W, v.R, at, http.StatusSeeOther)
	return nil
}

// versionPage is a version: how far it is, or what came of it.
type versionPage struct {
	schemas.VersionSummary
	Data []struct {
		Name    string                `json:"name"`
		Objects bool                  `json:"objects"`
		Columns []schemas.TableColumn `json:"columns"`
		Splits  []struct {
			Name   string `json:"name"`
			Shards int    `json:"shards"`
			Rows   int64  `json:"rows"`
		} `json:"splits"`
	} `json:"data"`
	Told    values.Distributions `json:"-"` // what of its values is
	Dataset schemas.Dataset      `json:"-"`
	Typed   typed                `json:"-"` // what the dry run was asked for
	Here    string               `json:"-"`
	Key     string               `json:"-"`
	Problem *schemas.Error       `json:"-"`
	now     time.Time
}

// Running says whether it goes on.
func (p *versionPage) Running() bool { return p.State == schemas.VersionPublishing }

// Carried are what a dry run was asked for, for the button that publishes.
func (p *versionPage) Carried() []string { return carried() }

// passed is for how long files have been read.
func (p *versionPage) passed() time.Duration { return p.now.Sub(p.Started) }

// Rate is how many rows are read in a second; 0 where that is not known yet.
func (p *versionPage) Rate() int64 {
	if s := int64(p.passed().Seconds()); s > 0 {
		return p.Rows / s
	}
	return 0
}

// Minutes is how many are left if all files take as long as those that were read, begun ones counted; 0 where that is
// not known.
func (p *versionPage) Minutes() int {
	if p.ShardsDone == 0 || p.Waiting != nil {
		return 0
	}
	left := p.passed() / time.Duration(p.ShardsDone) * time.Duration(max(0, p.Shards-p.ShardsDone))
	return int(left/time.Minute) + 1
}

// version shows one: a page that looks again by itself while it is being published.
func version(v *page.Visit) error { return showVersion(v, http.StatusOK, nil) }

func showVersion(v *page.Visit, status int, problem *schemas.Error) error {
	at, err := versionAt(v)
	if err != nil {
		return err
	}
	p := &versionPage{Typed: typed(v.R.URL.Query()), Key: rand.Text(), Problem: problem, now: time.Now()}
	p.Dataset, err = dataset(v)
	if err == nil {
		err = v.API.Get(v.Ctx(), at, p)
	}
	if err == nil && p.State == schemas.VersionPublished {
		err = v.API.Get(v.Ctx(), at+"/distributions", &p.Told)
		if schemas.KindOf(err) == schemas.NotFound { // withdrawn meanwhile
			err = nil
		}
	}
	if err != nil {
		return err
	}
	if p.Typed.Get("part") != "" {
		q := v.R.URL.Query()
		q.Del("part")
		p.Here = page.At(v.R.URL.EscapedPath(), q)
		v.Part("version", "progress", p)
		return nil
	}
	p.Here = v.Here()
	v.Show(status, "version", v.Reader.T("provide.version.title", "Version", p.Version, "Dataset", name(v, &p.Dataset)), p)
	return nil
}

// Again is the address at which a script looks again.
func (p *versionPage) Again() string {
	sep := "?"
	if strings.Contains(p.Here, "?") {
		sep = "&"
	}
	return p.Here + sep + "part=progress"
}

// versionAt is where the API has the version that the address names.
func versionAt(v *page.Visit) (string, error) {
	_, rest, _ := strings.Cut(v.R.URL.EscapedPath(), "/versions/")
	name, _, _ := strings.Cut(rest, "/")
	name, err := url.PathUnescape(name)
	if err != nil {
		return "", schemas.Errorf(schemas.NotFound, "version", "there is no such version")
	}
	return "/datasets/" + v.Param() + "/versions/" + url.PathEscape(name), nil
}

// giveUp ends a publication that goes on.
func giveUp(v *page.Visit) error {
	at, err := versionAt(v)
	var now schemas.VersionSummary
	if err == nil {
		err = v.API.Get(v.Ctx(), at, &now)
	}
	if err == nil && now.State == schemas.VersionPublishing { // of a published one this would be its withdrawal
		err = v.API.Do(v.Ctx(), http.MethodDelete, at, nil, nil)
	}
	if e, status := asked(err); e != nil { // it was done meanwhile, perhaps
		return showVersion(v, status, e)
	}
	if err != nil {
		return err
	}
	http.Redirect(v.W, v.R, strings.TrimSuffix(v.R.URL.EscapedPath(), "/give-up"), http.StatusSeeOther)
	return nil
}

// takeBack takes back the consent to show how values are distributed.
func takeBack(v *page.Visit) error {
	at, err := versionAt(v)
	if err == nil {
		err = v.API.Do(v.Ctx(), http.MethodDelete, at+"/distributions", nil, nil)
	}
	if e, status := asked(err); e != nil {
		return showVersion(v, status, e)
	}
	if err != nil {
		return err
	}
	http.Redirect(v.W, v.R, strings.TrimSuffix(v.R.URL.EscapedPath(), "/take-back"), http.StatusSeeOther)
	return nil
}
