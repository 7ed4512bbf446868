package publish

import (
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"guichet/gateway/web/owner"
	"guichet/gateway/web/page"
	"guichet/schemas"
)

// uploadPage is the form that sends a file, and the one that publishes those that were sent.
type uploadPage struct {
	form
	Table, Split string // of the file that is to be sent
	Files        []file
	More         bool // there are more than are shown
	Sent         string
	Most         int64
}

// file is one that was sent.
type file struct {
	Table    string    `json:"table"`
	Split    string    `json:"split"`
	Name     string    `json:"name"`
	Bytes    int64     `json:"bytes"`
	Modified time.Time `json:"modified"`
	Chosen   bool      `json:"-"`
}

// At is the file as the command line names it.
func (f file) At() string { return f.Table + "/" + f.Split + "/" + f.Name }

// mostFiles is how many files that were sent a page shows, and publishes.
const mostFiles = 200

// upload shows both forms.
func upload(v *page.Visit) error {
	return showUpload(v, http.StatusOK, &uploadPage{form: form{Typed: fromAddress(v.R.URL.Query())}, Sent: v.R.URL.Query().Get("sent")})
}

func showUpload(v *page.Visit, status int, p *uploadPage) error {
	err := p.gather(v)
	if err != nil {
		return err
	}
	p.Table, p.Split, p.Most = p.Typed.Get("table"), p.Typed.Get("split"), page.MostStreamed
	var found schemas.Page[file]
	err = v.API.Get(v.Ctx(), "/datasets/"+v.Param()+"/files?limit="+strconv.Itoa(mostFiles), &found)
	if e, s := refused(err); e != nil && p.Problem == nil { // no store takes files here, or it does not answer
		p.Problem, status = e, s
	} else if err != nil && e == nil {
		return err
	}
	p.Files, p.More = found.Items, found.Next != ""
	chosen, any := p.Typed["file"], p.Typed.Has("file") || p.Typed.Has("version") // else all of them
	for i := range p.Files {
		p.Files[i].Chosen = !any || slices.Contains(chosen, p.Files[i].At())
	}
	v.Show(status, "upload", v.Reader.T("publish.upload.title", "Dataset", owner.Name(v, &p.Dataset)), p)
	return nil
}

// sendFile passes a file on to the API as it comes.
func sendFile(v *page.Visit) error {
	t := v.R.PostForm
	name := v.Sent.Called()
	table, split := strings.TrimSpace(t.Get("table")), strings.TrimSpace(t.Get("split"))
	var err error
	switch {
	case name == "":
		err = schemas.BadField("upload", "name", "%s", v.Reader.T("publish.upload.none"))
	case table == "": // the API would find nothing at such an address
		err = schemas.BadField("upload", "table", "%s", v.Reader.T("publish.upload.notable"))
	case split == "":
		split = "all"
	}
	if err == nil {
		at := "/datasets/" + v.Param() + "/files/" + url.PathEscape(table) + "/" + url.PathEscape(split) + "/" + url.PathEscape(name)
		err = v.API.Upload(v.Ctx(), at, v.Sent, v.Sent.Size)
	}
	if err == nil {
		q := url.Values{"table": {table}, "split": {split}, "sent": {table + "/" + split + "/" + name}}
		http.Redirect(v.W, v.R, page.At("/provide/"+v.Param()+"/upload", q), http.StatusSeeOther)
		return nil
	}
	e, status := refused(err)
	if e == nil {
		return err
	}
	p := &uploadPage{form: form{Typed: t}}
	p.wrong(e, sentField)
	return showUpload(v, status, p)
}

// sentField finds the field of the form that sends a file.
func sentField(pointer string) string {
	switch pointer = strings.TrimPrefix(pointer, "/"); pointer {
	case "table", "split":
		return pointer
	case "name":
		return "file"
	}
	return ""
}

// chosenFiles makes a publication of the files that were ticked.
func chosenFiles(t url.Values) (p schemas.Publication) {
	p.Uploaded = true
	for _, at := range t["file"] {
		parts := strings.SplitN(at, "/", 3)
		if len(parts) < 3 {
			continue
		}
		i := slices.IndexFunc(p.Tables, func(x schemas.PublicationTable) bool { return x.Name == parts[0] })
		if i < 0 {
			i = len(p.Tables)
			p.Tables = append(p.Tables, schemas.PublicationTable{Name: parts[0], Objects: t.Get("as") == "files"})
		}
		splits := &p.Tables[i].Splits
		j := slices.IndexFunc(*splits, func(x schemas.PublicationSplit) bool { return x.Name == parts[1] })
		if j < 0 {
			j = len(*splits)
			*splits = append(*splits, schemas.PublicationSplit{Name: parts[1]})
		}
		(*splits)[j].Keys = append((*splits)[j].Keys, parts[2])
	}
	finish(&p, t)
	return p
}

// beginUploaded begins a publication of files that were sent, or its dry run.
func beginUploaded(v *page.Visit) error {
	p := &uploadPage{form: form{Typed: v.R.PostForm}}
	err := p.gather(v)
	if err != nil {
		return err
	}
	ask, dry := chosenFiles(p.Typed), p.Typed.Get("do") != "send"
	var name schemas.VersionID
	if len(ask.Tables) == 0 {
		err = schemas.BadField("publication", "/tables", "%s", v.Reader.T("publish.upload.choose"))
	} else {
		name, err = start(v, p.Dataset.ID, ask, p.Key, dry)
	}
	if err == nil {
		watch(v, p.Dataset.ID, name, p.Typed, dry)
		return nil
	}
	e, status := refused(err)
	if e == nil {
		return err
	}
	p.Typed.Set("key", "") // under the old one the API keeps its no
	p.wrong(e, func(pointer string) string {
		if strings.Contains(pointer, "/tables") {
			return "files"
		}
		return fieldOf(pointer)
	})
	return showUpload(v, status, p)
}
