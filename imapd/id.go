package imapd

import "log/slog"

// id: RFC 2971. What the client says of itself goes into the log; we tell no
// version.
func (s *session) id(c *call) error {
	d := c.dec
	d.SP()
	var fields []any
	if d.At('(') {
		d.List(func() {
			name := d.String()
			d.SP()
			value, _ := d.NString()
			if fields = append(fields, slog.String(name, value)); len(fields) > maxIDFields {
				d.Fail("more than %d fields", maxIDFields)
			}
		})
	} else if _, ok := d.NString(); ok {
		d.Fail("expected a list or NIL")
	}
	if err := d.End(); err != nil {
		return err
	}
	s.log.Debug("client", slog.Group("id", fields...))
	s.out.Raw(`* ID ("name" "Posthorn")`).CRLF()
	return nil
}
