// Package serve holds what every server of Posthorn needs around its
// protocol: an accept loop that drains, limits on connections, certificates
// that can be exchanged while it runs, and the text types of the config file.
// It knows nothing of mail.
package serve
