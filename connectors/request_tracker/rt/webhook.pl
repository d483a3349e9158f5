# Custom commit code of the scrip "Desk Gateway webhook": tells the gateway of every transaction of a ticket.
#
# setup.pl puts this text into RT and replaces __CONFIG__ by the path of the settings, a JSON object:
#   {"url": "https://gateway.example/hooks/engineering-rt", "secret": "...", "timeout": 3}
# They are read at every call, so a changed secret needs no restart. Without a url nothing is sent.
#
# Stage TransactionBatch: it runs after the database has committed, once for a ticket and request, with all of that
# request's transactions. There is one try and RT waits for it, so the time-out is short; a webhook that is lost is
# made good by the gateway's poll.
use strict;
use warnings;
use Digest::SHA    ();
use Encode         ();
use JSON           ();
use LWP::UserAgent ();

my %config = (url => '', secret => '', timeout => 3);
if (open my $file, '<', '__CONFIG__') {
    local $/ = undef;
    my $read = eval { JSON::decode_json(<$file>) };
    %config = (%config, %$read) if ref $read eq 'HASH';
    RT->Logger->error("desk gateway: __CONFIG__ is not a JSON object: $@") unless ref $read eq 'HASH';
}
return 1 unless $config{url};

# what RT does for itself and what nobody syncs
my %silent = map { $_ => 1 } qw(EmailRecord CommentEmailRecord SetWatcher SystemError);

# the scrip's own ticket object was loaded before the changes, and belongs to a user who may not see everything
my $ticket = RT::Ticket->new(RT->SystemUser);
$ticket->Load($self->TicketObj->id);
# reminders and approvals are kept as tickets; they are no piece of work of their own, and RT's searches hide them
return 1 if $ticket->Type ne 'ticket';
my $batch = $self->TicketObj->TransactionBatch || [];
my @transactions = sort { $a->id <=> $b->id } @$batch ? @$batch : ($self->TransactionObj);

my $time = sub { my $date = shift; $date && $date->IsSet ? $date->W3CDTF(Timezone => 'UTC') : undef };

my $fields = sub {
    my ($record, $defined) = @_;
    my %found;
    my $all = $record->CustomFields;
    while (my $field = $all->Next) {
        my @values;
        my $values = $record->CustomFieldValues($field);
        while (my $value = $values->Next) { push @values, $value->Content }
        next if $defined && !@values;
        $found{ $field->Name } = $field->SingleValue ? $values[0] : \@values;
    }
    return \%found;
};

my $agent = LWP::UserAgent->new(timeout => $config{timeout}, agent => "RT/$RT::VERSION", max_redirect => 0);
for my $transaction (@transactions) {
    next if $silent{ $transaction->Type };
    my $content = $transaction->ContentObj(Type => 'text/html') || $transaction->ContentObj;
    my @files;
    my $attachments = $transaction->Attachments;
    while (my $file = $attachments->Next) {
        next unless defined $file->Filename && length $file->Filename;
        push @files, {
            id => $file->id + 0, name => $file->Filename, type => $file->ContentType, size => $file->ContentLength + 0,
        };
    }
    my $creator = $transaction->CreatorObj;
    my $body = JSON->new->utf8->canonical->encode({
        event                     => $transaction->Type,
        type                      => $transaction->Type,
        transaction_id            => $transaction->id + 0,
        transaction_ticket_id     => $transaction->ObjectId + 0,
        ticket_id                 => $ticket->id + 0,
        effective_id              => $ticket->EffectiveId + 0,
        field                     => $transaction->Field,
        old_value                 => $transaction->OldValue,
        new_value                 => $transaction->NewValue,
        description               => $transaction->Description,
        created                   => $time->($transaction->CreatedObj),
        creator                   => {
            id         => $creator->id + 0,
            name       => $creator->Name,
            real_name  => $creator->RealName,
            email      => $creator->EmailAddress,
            privileged => $creator->Privileged ? JSON::true() : JSON::false(),
        },
        private                   => $transaction->Type eq 'Comment' ? JSON::true() : JSON::false(),
        message                   => $content ? $content->Content : '',
        content_type              => $content ? $content->ContentType : undef,
        attachments               => \@files,
        transaction_custom_fields => $fields->($transaction, 1),
        subject                   => $ticket->Subject,
        status                    => $ticket->Status,
        queue                     => $ticket->QueueObj->Name,
        priority                  => $ticket->Priority + 0,
        owner                     => $ticket->OwnerObj->Name,
        requestors                => [ $ticket->Requestors->MemberEmailAddresses ],
        custom_fields             => $fields->($ticket, 0),
        due                       => $time->($ticket->DueObj),
        last_updated              => $time->($ticket->LastUpdatedObj),
        url                       => RT->Config->Get('WebURL') . 'Ticket/Display.html?id=' . $ticket->id,
    });
    my $answer = $agent->post(
        $config{url},
        'Content-Type'   => 'application/json; charset=utf-8',
        'X-RT-Event'     => $transaction->Type,
        'X-RT-Delivery'  => RT->Config->Get('rtname') . '-' . $transaction->id,
        'X-RT-Attempt'   => 1,
        'X-RT-Signature' => 'sha256=' . Digest::SHA::hmac_sha256_hex($body, Encode::encode('UTF-8', $config{secret})),
        Content          => $body,
    );
    next if $answer->is_success;
    RT->Logger->warning('desk gateway: webhook of transaction ' . $transaction->id . ' failed: ' . $answer->status_line);
}
return 1;
