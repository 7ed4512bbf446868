package publish

import (
	"crypto/rand"
	"net/http"
	"net/url"
	"strings"
	"time"

	"guichet/gateway/web/owner"
	"guichet/gateway/web/page"
	"guichet/schemas"
	"guichet/schemas/values"
)

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
	Typed   url.Values           `json:"-"` // what the dry run was asked for
	Here    string               `json:"-"`
	Key     string               `json:"-"`
	Problem *schemas.Error       `json:"-"`
	now     time.Time
}

// Running says whether it goes on.
func (p *versionPage) Running() bool { return p.State == schemas.VersionPublishing }

// Tried is what a dry run was asked for, field by field, for the button that publishes; none where a link names none.
func (p *versionPage) Tried() (out []field) {
	for _, name := range carried() {
		for _, value := range p.Typed[name] {
			out = append(out, field{name, value})
		}
	}
	return out
}

// Begin is where the button that publishes sends what was tried.
func (p *versionPage) Begin() string {
	if p.Typed.Has("file") {
		return "upload/begin"
	}
	return "publish/begin"
}

// Back is the form with what was tried.
func (p *versionPage) Back() string {
	form := "/publish"
	if p.Typed.Has("file") {
		form = "/upload"
	}
	to, fits := address(p.Dataset.ID, form, p.Typed)
	if !fits {
		to, _ = address(p.Dataset.ID, form, nil)
	}
	return to
}

// Sources are what was tried, in words: places, or files that were sent.
func (p *versionPage) Sources() (out []string) {
	for i := range rowsOf(p.Typed) {
		out = append(out, get(p.Typed, "place", i)+get(p.Typed, "path", i))
	}
	if files := p.Typed["file"]; len(files) > 0 {
		out = files
	}
	return out[:min(len(out), mostRows)]
}

// field is one that a form carries on.
type field struct{ Name, Value string }

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
	p := &versionPage{Typed: fromAddress(v.R.URL.Query()), Key: rand.Text(), Problem: problem, now: time.Now()}
	p.Dataset, err = owner.Dataset(v)
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
	v.Show(status, "version", v.Reader.T("provide.version.title", "Version", p.Version, "Dataset", owner.Name(v, &p.Dataset)), p)
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
	if e, status := owner.Asked(err); e != nil { // it was done meanwhile, perhaps
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
	if e, status := owner.Asked(err); e != nil {
		return showVersion(v, status, e)
	}
	if err != nil {
		return err
	}
	http.Redirect(v.W, v.R, strings.TrimSuffix(v.R.URL.EscapedPath(), "/take-back"), http.StatusSeeOther)
	return nil
}
