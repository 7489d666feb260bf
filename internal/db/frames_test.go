package db

import "testing"

// The writer knows the log's size without asking for it.
func TestFramesAreCounted(t *testing.T) {
	d := open(t, Options{})
	c, err := d.connect(true)
	if err != nil {
		t.Fatal(err)
	}
	defer c.close()
	for i := range 20 {
		if _, err := (&Tx{c: c}).Exec(`INSERT INTO t (name, data) VALUES (hex(randomblob(8)), zeroblob(9000))`); err != nil {
			t.Fatal(err)
		}
		if i == 10 {
			if err := d.copyOnce(c); err != nil {
				t.Fatal(err)
			}
		}
		size, _, err := d.logged(c)
		if err != nil || size != c.logged()*d.pageSize() || size == 0 {
			t.Errorf("%d frames were counted, the log has %d octets (%v)", c.logged(), size, err)
		}
	}
}
