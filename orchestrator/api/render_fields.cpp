// What lists can be filtered and sorted by: the fields that render.cpp gives.
#include "orchestrator/api/render.hpp"

namespace abide::api {

namespace {

using Kind = FieldTree::Kind;

FieldTree tree(std::initializer_list<const char*> texts, std::initializer_list<const char*> exacts,
               std::initializer_list<const char*> numbers) {
  FieldTree made;
  for (const char* name : texts) made.fields[name] = {Kind::text, nullptr};
  for (const char* name : exacts) made.fields[name] = {Kind::exact, nullptr};
  for (const char* name : numbers) made.fields[name] = {Kind::number, nullptr};
  return made;
}

// Of texts that were given: these are versions of images.
void versions(FieldTree& made, std::initializer_list<const char*> names) {
  for (const char* name : names) made.fields[name] = {Kind::version, nullptr};
}

void nest(FieldTree& made, const char* name, const FieldTree& nested) {
  made.fields[name] = {Kind::object, &nested};
}

const FieldTree& timestamp_fields() {
  static const FieldTree fields{{{"createdAt", {Kind::time, nullptr}}, {"updatedAt", {Kind::time, nullptr}}}};
  return fields;
}

// Of one that others lie in: a tree of any depth, so it refers to itself.
const FieldTree& nested_region_fields() {
  static FieldTree fields;
  static const bool made = [] {
    fields = tree({"name", "metadata"}, {"resourceId", "regionID"}, {});
    nest(fields, "parentRegion", fields);
    nest(fields, "timestamps", timestamp_fields());
    return true;
  }();
  (void)made;
  return fields;
}

FieldTree plain_site_fields() {
  FieldTree fields = tree({"name", "metadata"}, {"resourceId", "siteID"}, {"siteLat", "siteLng"});
  nest(fields, "region", nested_region_fields());
  nest(fields, "timestamps", timestamp_fields());
  return fields;
}

FieldTree plain_host_fields() {
  static const FieldTree site = plain_site_fields();
  FieldTree fields = tree({"name", "hostStatus", "cpuArchitecture", "metadata"},
                          {"resourceId", "uuid", "desiredState", "currentState", "hostStatusIndicator"}, {"hostStatusTimestamp"});
  nest(fields, "site", site);
  nest(fields, "timestamps", timestamp_fields());
  return fields;
}

const FieldTree& applied_policy_fields() {
  static const FieldTree fields = [] {
    FieldTree made = tree({}, {"from", "resourceId"}, {});
    nest(made, "policy", policy_fields());
    return made;
  }();
  return fields;
}

FieldTree plain_instance_fields() {
  static const FieldTree progress = tree({}, {"phase"}, {"percent", "bytesDone", "bytesTotal", "bytesPerSecond"});
  static const FieldTree node = [] {
    FieldTree made = tree({"profileName", "architecture", "heldWhy", "linkFault"},
                          {"uuid", "phase", "digest", "slot", "journal", "online", "held", "paused", "conflict", "windowOpen"}, {"upto"});
    versions(made, {"osImageId"});
    return made;
  }();
  FieldTree fields = tree({"name", "updateStatus", "instanceStatus", "provisioningStatus", "osUpdateAvailable"},
                          {"resourceId", "instanceID", "kind", "desiredState", "currentState", "securityFeature", "updateStatusIndicator",
                           "instanceStatusIndicator", "provisioningStatusIndicator"},
                          {"updateStatusTimestamp", "instanceStatusTimestamp", "provisioningStatusTimestamp"});
  nest(fields, "os", os_resource_fields());
  nest(fields, "updatePolicy", policy_fields());
  nest(fields, "appliedUpdatePolicy", applied_policy_fields());
  nest(fields, "updateProgress", progress);
  nest(fields, "node", node);
  nest(fields, "timestamps", timestamp_fields());
  return fields;
}

}  // namespace

const FieldTree& os_resource_fields() {
  static const FieldTree fields = [] {
    FieldTree made = tree({"name", "architecture", "imageUrl", "profileName", "description", "metadata", "platformBundle",
                           "installedPackagesUrl", "existingCvesUrl", "fixedCvesUrl", "installedPackages", "existingCves", "fixedCves"},
                          {"resourceId", "osResourceID", "sha256", "rawSha256", "securityFeature", "osType", "osProvider"},
                          {"imageSizeBytes", "rawSizeBytes"});
    versions(made, {"imageId"});
    nest(made, "timestamps", timestamp_fields());
    return made;
  }();
  return fields;
}

const FieldTree& policy_fields() {
  static const FieldTree fields = [] {
    FieldTree made = tree({"name", "description"}, {"resourceId", "updatePolicy", "allowDowngrade", "allowProfileChange"}, {});
    nest(made, "targetOs", os_resource_fields());
    nest(made, "timestamps", timestamp_fields());
    return made;
  }();
  return fields;
}

const FieldTree& region_fields() {
  static const FieldTree fields = [] {
    FieldTree made = nested_region_fields();
    made.fields["totalSites"] = {Kind::number, nullptr};
    nest(made, "updatePolicy", policy_fields());
    return made;
  }();
  return fields;
}

const FieldTree& site_fields() {
  static const FieldTree fields = [] {
    FieldTree made = plain_site_fields();
    nest(made, "updatePolicy", policy_fields());
    return made;
  }();
  return fields;
}

const FieldTree& host_fields() {
  static const FieldTree instance = plain_instance_fields();
  static const FieldTree fields = [] {
    FieldTree made = plain_host_fields();
    nest(made, "instance", instance);
    return made;
  }();
  return fields;
}

const FieldTree& instance_fields() {
  static const FieldTree host = plain_host_fields();
  static const FieldTree fields = [] {
    FieldTree made = plain_instance_fields();
    nest(made, "host", host);
    return made;
  }();
  return fields;
}

const FieldTree& run_fields() {
  static const FieldTree host = tree({"name"}, {"resourceId"}, {});
  static const FieldTree instance = [] {
    FieldTree made = tree({"name"}, {"resourceId", "instanceID"}, {});
    nest(made, "host", host);
    return made;
  }();
  static const FieldTree evidence = tree({"check", "outputTail", "detail"}, {"bootCause"}, {"attempts"});
  static const FieldTree fields = [] {
    FieldTree made = tree({"name", "description", "status", "statusDetails"},
                          {"resourceId", "statusIndicator", "offer", "accepted", "toOsResourceId", "outcome", "reason", "silent"},
                          {"statusTimestamp", "startTime", "endTime"});
    versions(made, {"fromOsImageId", "toOsImageId"});
    nest(made, "appliedPolicy", policy_fields());
    nest(made, "instance", instance);
    nest(made, "evidence", evidence);
    nest(made, "timestamps", timestamp_fields());
    return made;
  }();
  return fields;
}

}  // namespace abide::api
