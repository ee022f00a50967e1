// Talks to a relay over TLS with gorilla/websocket.
//
// Usage: wss_go PORT AUTHORITY VERSION
//
// tests/it/edge/wss_clients.rs is at the other end.
package main

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"log"
	"os"
	"time"

	"github.com/gorilla/websocket"
)

const deadline = 60 * time.Second

type message struct {
	Type          string          `json:"type"`
	Channel       string          `json:"channel,omitempty"`
	Authorization string          `json:"authorization,omitempty"`
	Content       json.RawMessage `json:"content,omitempty"`
}

// What of an error is no answer.
func must(err error) {
	if err != nil {
		log.Fatal(err)
	}
}

func main() {
	port, authority, version := os.Args[1], os.Args[2], os.Args[3]
	versions := map[string]uint16{"1.2": tls.VersionTLS12, "1.3": tls.VersionTLS13}
	pem, err := os.ReadFile(authority)
	must(err)
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(pem) {
		log.Fatal("no certificate in ", authority)
	}
	dialer := websocket.Dialer{
		HandshakeTimeout: deadline,
		TLSClientConfig: &tls.Config{RootCAs: roots, MinVersion: versions[version], MaxVersion: versions[version]},
	}
	relay, _, err := dialer.Dial("wss://localhost:"+port, nil)
	must(err)
	must(relay.SetReadDeadline(time.Now().Add(deadline)))
	hear := func(expected string) (heard message) {
		must(relay.ReadJSON(&heard))
		if heard.Type != expected {
			log.Fatalf("expected %s, heard %s", expected, heard.Type)
		}
		return heard
	}
	publish := func(content json.RawMessage) {
		must(relay.WriteJSON(message{Type: "publish", Channel: "from-client", Content: content}))
	}
	hear("hello")
	must(relay.WriteJSON(message{Type: "authorize", Authorization: "both=*"}))
	hear("authorization_ok")
	must(relay.WriteJSON(message{Type: "subscribe", Channel: "to-client"}))
	hear("subscribe_ok")
	publish(json.RawMessage(`"ready"`))
	publish(hear("publish").Content)
	must(relay.WriteMessage(websocket.CloseMessage, websocket.FormatCloseMessage(websocket.CloseNormalClosure, "")))
	_, _, err = relay.ReadMessage()
	closed, isClose := err.(*websocket.CloseError)
	if !isClose {
		log.Fatal("no close frame: ", err)
	}
	state := relay.UnderlyingConn().(*tls.Conn).ConnectionState()
	for name, number := range versions {
		if number == state.Version {
			fmt.Printf("%s closed %d\n", name, closed.Code)
		}
	}
}
