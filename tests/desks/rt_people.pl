#!/usr/bin/perl
# Fills a test RT with what an operations team has: users, queues, rights of the staff, and tokens (printed as JSON).
use strict;
use warnings;
use utf8;
use JSON ();
use RT;
RT::LoadConfig();
RT::Init();
require RT::AuthToken;
my $system = RT->SystemUser;
binmode STDOUT, ':encoding(UTF-8)';

sub user {
    my %about = @_;
    my $user = RT::User->new($system);
    my ($id, $message) = $user->Create(Privileged => 1, %about);
    die "user $about{Name}: $message\n" unless $id;
    return $user;
}
my %user = (
    gateway => user(Name => 'gateway', RealName => 'Desk Gateway', EmailAddress => 'gateway@desk.test', Password => 'gateway-pass'),
    agent1  => user(Name => 'agent1', RealName => 'First Agent', EmailAddress => 'agent1@desk.test', Password => 'agent1-pass'),
    agent2  => user(Name => 'agent2', RealName => 'Second Agënt', EmailAddress => 'agent2@desk.test', Password => 'agent2-pass'),
);
user(Name => 'walkin', RealName => 'Walk In', EmailAddress => 'walkin@customer.test', Privileged => 0);

# the gateway's user lives in another zone than the server: dates in queries are read in that zone
$user{gateway}->SetTimezone('Asia/Tokyo');

for my $name (qw(Support Escalations)) {
    my ($id, $message) = RT::Queue->new($system)->Create(Name => $name, CorrespondAddress => lc($name) . '@desk.test');
    die "queue $name: $message\n" unless $id;
}
my $hidden = RT::Queue->new($system);
$hidden->Create(Name => 'Hidden');

my $staff = RT::Group->new($system);
$staff->CreateUserDefinedGroup(Name => 'Staff');
$staff->AddMember($user{$_}->PrincipalId) for qw(agent1 agent2);
$staff->PrincipalObj->GrantRight(Right => $_, Object => RT->System) for qw(
    SeeQueue ShowTicket ShowTicketComments ShowOutgoingEmail CreateTicket ReplyToTicket CommentOnTicket ModifyTicket
    OwnTicket TakeTicket StealTicket ReassignTicket SeeCustomField ModifyCustomField DeleteTicket
);

my %token;
for my $name (sort keys %user) {
    my ($id, $message, $token) = RT::AuthToken->new($system)->Create(Owner => $user{$name}->id, Description => 'test');
    die "token $name: $message\n" unless $id;
    $token{$name} = $token;
}
my $root = RT::User->new($system);
$root->Load('root');
(undef, undef, $token{root}) = RT::AuthToken->new($system)->Create(Owner => $root->id, Description => 'test');
print JSON->new->encode(\%token), "\n";
