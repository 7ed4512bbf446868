package web

import (
	"net/http"
	"time"

	"guichet/gateway/web/signin"
	"guichet/schemas"
)

// mePage says who the person is here.
type mePage struct {
	Me       *schemas.Identity
	Projects []schemas.Project
}

// me shows who the gateway takes the person for.
func (s *Site) me(v *visit) error {
	body := mePage{Me: v.me}
	var err error
	body.Projects, err = v.projects()
	if err != nil {
		return err
	}
	v.show(http.StatusOK, "me", v.reader.T("me.title"), &body)
	return nil
}

// language keeps the language that a reader chose, and goes back to the page.
func (s *Site) language(v *visit) error {
	chosen := v.r.PostFormValue("language")
	for _, r := range s.words.Readers() {
		if r.Tag == chosen {
			http.SetCookie(v.w, &http.Cookie{
				Name: languageCookie, Value: chosen, Path: "/", MaxAge: int((365 * 24 * time.Hour).Seconds()),
				HttpOnly: true, SameSite: http.SameSiteLaxMode,
			})
		}
	}
	http.Redirect(v.w, v.r, signin.Local(v.r.PostFormValue("to")), http.StatusSeeOther)
	return nil
}
