package schemas

import "time"

// Notify says how an organisation is told what waits for it, or was decided.
type Notify struct {
	URL  string `json:"url,omitempty" maxLength:"2048" doc:"address of a webhook: https://, or http:// on this machine; each call is signed"`
	Mail string `json:"mail,omitempty" maxLength:"320" doc:"address of mail, where the gateway's settings name a mail server"`
}

// Kinds of notices.
const (
	NoticePending = "request.pending" // to who reviews a request
	NoticeDecided = "request.decided" // to who asked
)

// The ways by which a notice goes.
const (
	ByWebhook = "webhook"
	ByMail    = "mail"
)

// Notice is one thing that an organisation is told, by one way. It names what happened and
// where to look, and holds nothing that the recipient may not read there.
type Notice struct {
	ID       string        `json:"id"`
	Type     string        `json:"type" enum:"request.pending,request.decided"`
	At       time.Time     `json:"timestamp"`
	To       ParticipantID `json:"to"`
	By       string        `json:"by" doc:"webhook or mail"`
	Request  RequestID     `json:"request"`
	Asker    ParticipantID `json:"asker"`
	Project  ProjectID     `json:"project"`
	Purpose  string        `json:"purpose"`
	State    RequestState  `json:"state"`
	Datasets []DatasetID   `json:"datasets" doc:"of the recipient, or of the asker's own request"`
}

// NewNoticeID mints an id.
func NewNoticeID() string { return mint("msg") }
