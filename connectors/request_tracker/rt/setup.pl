#!/usr/bin/perl
# Sets RT up for the Desk Gateway, as often as you like: the result is the same.
#
#   perl -I/usr/share/request-tracker5/lib setup.pl [--account LOGIN] [--token] [--config FILE] [--dry-run] [--uninstall]
#
#   --account LOGIN  grant the rights that the gateway needs to this user (who must exist), in every queue
#   --queue NAME     grant them in this queue only (may be repeated)
#   --token          make an authentication token for the account and print it, once
#   --config FILE    where the scrip reads url and secret (default /etc/request-tracker5/desk-gateway.json)
#   --dry-run        say what would be done, do nothing
#   --uninstall      remove the scrip and disable the two custom fields; rights, tokens and values stay
#
# Exit: 0 done, 1 RT refused, 2 wrong words on the command line.
use strict;
use warnings;
use FindBin ();
use Getopt::Long qw(GetOptions);

my %option = (config => '/etc/request-tracker5/desk-gateway.json', queue => []);
GetOptions(\%option, 'account=s', 'queue=s@', 'token', 'config=s', 'dry-run', 'uninstall') or exit 2;
if ($option{token} && !$option{account}) { print STDERR "setup.pl: --token needs --account LOGIN\n"; exit 2 }
if ($option{config} =~ /['\\\n]/) { print STDERR "setup.pl: --config is a plain path\n"; exit 2 }

require RT;
RT::LoadConfig();
RT::Init();
# RT 4 has REST 2 and tokens as extensions only
unless (eval { require RT::REST2; 1 } || eval { require RT::Extension::REST2; 1 }) {
    print STDERR "setup.pl: this is RT $RT::VERSION without REST 2: the Desk Gateway needs RT 5 or 6\n";
    exit 1;
}
if ($option{token} && !eval { require RT::AuthToken; 1 }) {
    print STDERR "setup.pl: this RT has no authentication tokens: leave --token out, and give the gateway a password\n";
    exit 1;
}

my $SCRIP  = 'Desk Gateway webhook';
my @FIELDS = (
    { name => 'ExternalRef', type => 'RT::Queue-RT::Ticket', about => 'Mark of the Desk Gateway on tickets it created' },
    { name => 'GatewayKey', type => 'RT::Queue-RT::Ticket-RT::Transaction', about => 'Mark of the Desk Gateway on its comments' },
);
my @RIGHTS = qw(
    SeeQueue ShowTicket ShowTicketComments CreateTicket ReplyToTicket CommentOnTicket ModifyTicket OwnTicket
    ReassignTicket SeeCustomField ModifyCustomField
);
my $system = RT->SystemUser;

# do_it(words, code): the one place where anything changes
sub do_it {
    my ($words, $code) = @_;
    if ($option{'dry-run'}) { print "would $words\n"; return }
    my ($ok, $message) = $code->();
    die "setup.pl: could not $words: " . ($message || 'RT gave no reason') . "\n" unless $ok;
    print "$words\n";
    return $ok;
}

sub marker_field {
    my $wanted = shift;
    my $field = RT::CustomField->new($system);
    $field->LoadByName(Name => $wanted->{name}, LookupType => $wanted->{type}, IncludeDisabled => 1);
    if (!$field->id) {
        do_it("create custom field $wanted->{name}", sub {
            $field->Create(
                Name => $wanted->{name}, Type => 'FreeformSingle', LookupType => $wanted->{type},
                Description => $wanted->{about},
            );
        });
        return unless $field->id;
    }
    do_it("enable custom field $wanted->{name}", sub { $field->SetDisabled(0) }) if $field->Disabled;
    my $everywhere = RT::Queue->new($system);
    do_it("apply custom field $wanted->{name} to every queue", sub { $field->AddToObject($everywhere) })
        unless $field->IsGlobal;
}

sub scrips {
    my $scrips = RT::Scrips->new($system);
    $scrips->FindAllRows;
    $scrips->Limit(FIELD => 'Description', VALUE => $SCRIP);
    return @{ $scrips->ItemsArrayRef };
}

sub code {
    open my $file, '<:encoding(UTF-8)', "$FindBin::Bin/webhook.pl" or die "setup.pl: $FindBin::Bin/webhook.pl: $!\n";
    local $/ = undef;
    my $code = <$file>;
    $code =~ s/__CONFIG__/$option{config}/g;
    return $code;
}

sub install_scrip {
    my ($scrip) = scrips();
    my $code = code();
    if (!$scrip) {
        do_it("create scrip \"$SCRIP\"", sub {
            RT::Scrip->new($system)->Create(
                Queue => 0, Description => $SCRIP, ScripCondition => 'On Transaction', ScripAction => 'User Defined',
                Template => 'Blank', Stage => 'TransactionBatch', CustomPrepareCode => 'return 1;',
                CustomCommitCode => $code,
            );
        });
        return;
    }
    do_it("renew scrip \"$SCRIP\"", sub { $scrip->SetCustomCommitCode($code) }) if $scrip->CustomCommitCode ne $code;
}

sub grant {
    my $login = shift;
    my $user = RT::User->new($system);
    $user->Load($login);
    die "setup.pl: no user $login in RT: create it first (privileged)\n" unless $user->id;
    do_it("make $login privileged", sub { $user->SetPrivileged(1) }) unless $user->Privileged;
    my @objects = map {
        my $queue = RT::Queue->new($system);
        $queue->Load($_);
        die "setup.pl: no queue $_ in RT\n" unless $queue->id;
        $queue
    } @{ $option{queue} };
    @objects = (RT->System) unless @objects;
    for my $object (@objects) {
        for my $right (@RIGHTS) {
            next if $user->PrincipalObj->HasRight(Right => $right, Object => $object);
            do_it("grant $right to $login", sub { $user->PrincipalObj->GrantRight(Right => $right, Object => $object) });
        }
    }
    return unless $option{token};
    do_it("make a token for $login (shown once, below)", sub {
        my ($ok, $message, $token) = RT::AuthToken->new($system)->Create(Owner => $user->id, Description => 'Desk Gateway');
        print "token: $token\n" if $ok;
        return ($ok, $message);
    });
}

if ($option{uninstall}) {
    for my $scrip (scrips()) { do_it("remove scrip \"$SCRIP\"", sub { $scrip->Delete }) }
    for my $wanted (@FIELDS) {
        my $field = RT::CustomField->new($system);
        $field->LoadByName(Name => $wanted->{name}, LookupType => $wanted->{type});
        do_it("disable custom field $wanted->{name}", sub { $field->SetDisabled(1) }) if $field->id && !$field->Disabled;
    }
} else {
    marker_field($_) for @FIELDS;
    install_scrip();
    grant($option{account}) if $option{account};
}
print "done\n";
