# Reads reports (file names as arguments) with Sisimai. Prints what it finds: file,
# action, delivery status, recipient.
use strict;
use warnings;
use Sisimai;

for my $name (@ARGV) {
    my $found = Sisimai->make($name, delivered => 1) || [];
    for my $one (@$found) {
        printf "%s %s %s %s\n", $name, $one->action, $one->deliverystatus, $one->recipient->address;
    }
}
