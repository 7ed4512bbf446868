package serve

import (
	"context"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"time"

	"guichet/connectors/notify"
	"guichet/connectors/trust"
	"guichet/policy/notice"
	"guichet/schemas"
)

// tell makes the outbox: by webhooks signed with a key derived from the site's, and by
// mail where the settings name a server.
func (s *site) tell(k *keys, roots *x509.CertPool) (*notify.Webhook, error) {
	webhook := notify.NewWebhook(k.webhook, trust.Transport(roots))
	s.outbox = &notice.Outbox{DB: s.db, Log: s.log, Now: time.Now, Senders: map[string]notice.Sender{
		schemas.ByWebhook: func(ctx context.Context, to schemas.Notify, n schemas.Notice) error {
			body := map[string]any{"type": n.Type, "timestamp": n.At, "data": n}
			if s.config.PublicURL != "" {
				body["see"] = s.config.PublicURL + "/api/v1/requests/" + string(n.Request)
			}
			b, err := json.Marshal(body)
			if err != nil {
				return fmt.Errorf("write a notice: %w", err)
			}
			status, err := webhook.Send(ctx, to.URL, n.ID, time.Now(), b)
			if status == http.StatusGone {
				return fmt.Errorf("%w: %w", notice.ErrGone, err)
			}
			return err
		},
	}}
	if s.config.Mail == nil {
		return webhook, nil
	}
	server, err := s.config.Mail.server(roots)
	if err != nil {
		return nil, err
	}
	s.outbox.Senders[schemas.ByMail] = func(ctx context.Context, to schemas.Notify, n schemas.Notice) error {
		subject, text := letter(n)
		return server.Send(ctx, to.Mail, n.ID, subject, text)
	}
	return webhook, nil
}

// letter is a notice in words.
func letter(n schemas.Notice) (subject, text string) {
	sets := make([]string, len(n.Datasets))
	for i, d := range n.Datasets {
		sets[i] = string(d)
	}
	if n.Type == schemas.NoticeDecided {
		return fmt.Sprintf("Your request %s was decided: %s", n.Request, n.State),
			fmt.Sprintf("Request %s of project %s for %s: %s.\n\nDatasets: %s\n\nWhat was said of each: guichet requests %s\n",
				n.Request, n.Project, n.Purpose, n.State, strings.Join(sets, ", "), n.Request)
	}
	if n.Type == schemas.NoticeWithdrawn {
		return fmt.Sprintf("A request was withdrawn: %s", n.Request),
			fmt.Sprintf("%s took back what it asked for project %s, purpose %s: your answer is not needed any more.\n\nDatasets: %s\n",
				n.Asker, n.Project, n.Purpose, strings.Join(sets, ", "))
	}
	return fmt.Sprintf("A request waits for you: %s", n.Request),
		fmt.Sprintf(
			"%s asks for data for project %s, purpose %s.\n\nDatasets: %s\n\nWho asks, and what for: guichet requests %s\nYour answer: guichet "+
				"review %s grant|refuse --reason \"…\"\n",
			n.Asker, n.Project, n.Purpose, strings.Join(sets, ", "), n.Request, n.Request,
		)
}
