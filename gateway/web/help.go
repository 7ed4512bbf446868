package web

import (
	"net/http"

	"guichet/gateway/web/page"
	"guichet/schemas"
)

// course teaches one thing, step by step: messages help.ID.1 and so on.
type course struct {
	ID    string
	Steps []int
	To    string // the page where it is done
	Lines string // the same on the command line
	Mine  bool   // of a role that the reader has
}

// courses are all of them, in the order in which data flows.
func courses(v *page.Visit) []course {
	one := func(id string, steps int, to, lines string, roles ...schemas.Role) course {
		c := course{ID: id, To: to, Lines: lines}
		for i := range steps {
			c.Steps = append(c.Steps, i+1)
		}
		for _, r := range roles {
			c.Mine = c.Mine || v.Has(r)
		}
		return c
	}
	return []course{
		one("find", 4, "/datasets", "guichet search wheat --project PROJECT", schemas.RoleTrainer),
		one("ask", 4, "/datasets", "guichet explain DATASET --purpose train-model\n"+
			"guichet request DATASET --project PROJECT", schemas.RoleTrainer),
		one("stream", 4, "/agreements", "guichet stream AGREEMENT --rows 20 --out some.arrows\n"+
			"guichet mount AGREEMENT data", schemas.RoleTrainer),
		one("publish", 5, "/provide", "guichet register dataset.yaml\nguichet offer DATASET --file offer.yaml\n"+
			"guichet publish DATASET --from s3://bucket/prefix/", schemas.RoleProvider),
		one("verify", 4, "/record/verify", "guichet audit verify --key log.pub", schemas.RoleOfficer),
		one("operate", 3, "/operate", "guichet participant add participant.yaml", schemas.RoleOperator),
	}
}

// help teaches what can be done here.
func help(v *page.Visit) error {
	v.Show(http.StatusOK, "help", v.Reader.T("help.title"), courses(v))
	return nil
}
