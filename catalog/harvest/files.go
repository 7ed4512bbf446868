package harvest

import (
	"path"
	"strings"

	"guichet/connectors/dcatap"
	"guichet/connectors/description"
	"guichet/connectors/fetch"
	"guichet/connectors/folder"
	"guichet/schemas"
)

// filesKind is that of files and folders of the gateway's machine, and of one file on the web: each file is a
// page, in whichever form it is.
func filesKind() Kind {
	return Kind{Read: readFiles, Aside: true, Name: nameOfFile}
}

// readFiles reads a file; a folder only says which is its first.
func readFiles(a *fetch.Answer) (Page, error) {
	here := folder.Is(a.URL)
	out := Page{}
	if here {
		out.Next = related(a, "next")
	}
	if a.Type == folder.Type && here {
		return out, nil
	}
	base := a.URL
	if here { // where it lies on this machine is nobody's business
		base = ""
	}
	p, err := description.Read(a.Type, path.Base(pathOf(a.URL)), a.Body, base)
	switch {
	case err != nil:
		return out, err
	case p.Feed:
		return out, schemas.Errorf(schemas.Invalid, a.URL,
			"this tells what changes in a catalogue; it is read where that gives it, as a dcat-ap source")
	case len(p.Items) == 0 && p.Next == "":
		return out, schemas.Errorf(schemas.Invalid, a.URL, "it describes no dataset")
	}
	for _, item := range p.Items {
		out.Records = append(out.Records, Record{IRI: item.IRI, Dataset: item.Dataset, Err: open(&item)})
	}
	if !here {
		out.Next = p.Next
	}
	return out, nil
}

// open refuses what says that not everybody may see it: what is harvested everybody sees.
func open(item *dcatap.Item) error {
	v := item.Dataset.Visibility
	if item.Err != nil || v == "" || v == schemas.VisibleToEveryone {
		return item.Err
	}
	return schemas.BadField("dataset", "/visibility",
		"the description says that it is not shown to everybody (%s), and what is harvested is: register it instead", v)
}

// nameOfFile is the IRI of a dataset that has none, alone in a file: the file's address on the web, else a name
// that says which file of which source it is, and not where that lies.
func nameOfFile(s *Catalogue, page string) string {
	if !folder.Is(page) {
		return page
	}
	name := strings.TrimPrefix(page, strings.TrimSuffix(s.URL, "/")+"/")
	if page == s.URL {
		name = path.Base(page)
	}
	return "urn:guichet:file:" + string(s.ID) + ":" + name
}
