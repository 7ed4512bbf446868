package operate

import (
	"cmp"
	"net/url"
	"strings"

	"guichet/gateway/web/page"
	"guichet/schemas"
)

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
