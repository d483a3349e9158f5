# Fills a new, private Redmine for tests/desks: its tables, Redmine's own default data, people, projects, fields and keys.
# Prints what the tests need to know as one line of JSON, the last one.
require "./config/environment"
require "json"

ActiveRecord::Migration.verbose = false
ActiveRecord::Base.connection.migration_context.migrate
ActiveRecord::Base.connection.schema_cache.clear!
ActiveRecord::Base.descendants.each(&:reset_column_information)
Redmine::DefaultData::Loader.load("en")

{
  "rest_api_enabled" => "1", "default_language" => "en", "text_formatting" => ENV.fetch("DESK_FORMATTING", "textile"),
  "host_name" => "127.0.0.1", "attachment_max_size" => "20480", "notified_events" => [], "login_required" => "1",
  "gravatar_enabled" => "0", "default_users_time_zone" => "America/New_York"
}.each { |name, value| Setting[name] = value }
User.find_by(login: "admin").update!(must_change_passwd: false, language: "en")

manager = Role.find_by!(name: "Manager")
gateway = Role.new(name: "Gateway", issues_visibility: "all", users_visibility: "all")
gateway.permissions = %i[
  view_issues add_issues edit_issues add_issue_notes view_private_notes set_notes_private set_issues_private
  view_files edit_own_issue_notes
]
gateway.save!
gateway.copy_workflow_rules(manager)

fields = [
  ["Gateway key", "string", true], ["Gateway note", "string", false], ["Requester", "string", true],
  ["Cost centre", "string", false], ["Channel", "list", true], ["Promised until", "date", true]
].to_h do |name, format, filter|
  field = IssueCustomField.new(name: name, field_format: format, is_filter: filter, is_for_all: true)
  # our marks are for our role only
  field.visible = !name.start_with?("Gateway")
  field.roles = [gateway] unless field.visible?
  field.possible_values = %w[Web Phone] if format == "list"
  field.trackers = Tracker.all
  field.save!
  [name, field.id]
end

projects = { "support" => "Support", "internals" => "Internals", "vault" => "Vault" }.to_h do |identifier, name|
  project = Project.new(identifier: identifier, name: name, is_public: false)
  project.enabled_module_names = %w[issue_tracking files]
  project.trackers = Tracker.all
  project.save!
  [identifier, project.id]
end

people = {
  "gateway" => ["Gate", "Way", gateway], "agent1" => ["Ada", "Agent", manager],
  "agent2" => ["Otto", "Other", manager], "customer" => ["Kim", "Customer", Role.find_by!(name: "Reporter")]
}.to_h do |login, (first, last, role)|
  user = User.new(firstname: first, lastname: last, mail: "#{login}@desk.example", language: "en")
  user.login = login
  user.password = user.password_confirmation = "#{login}-pass-0123"
  user.mail_notification = "none"
  user.save!
  projects.each do |identifier, id|
    next if identifier == "vault" && role == gateway
    Member.create!(project_id: id, principal: user, roles: [role])
  end
  [login, { "id" => user.id, "key" => user.api_key }]
end
root = User.find_by!(login: "admin")
people["admin"] = { "id" => root.id, "key" => root.api_key }

puts JSON.generate("people" => people, "fields" => fields, "projects" => projects)
