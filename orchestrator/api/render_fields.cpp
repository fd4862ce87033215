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

// What the contract has and nothing here fills: it can be asked for, and is empty.
void unfilled(FieldTree& made, std::initializer_list<const char*> texts, std::initializer_list<const char*> exacts = {}) {
  for (const char* name : texts) made.fields[name] = {Kind::text, nullptr};
  for (const char* name : exacts) made.fields[name] = {Kind::exact, nullptr};
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
    fields = tree({"name", "metadata", "resourceId", "regionID"}, {}, {});
    nest(fields, "parentRegion", fields);
    nest(fields, "timestamps", timestamp_fields());
    return true;
  }();
  (void)made;
  return fields;
}

FieldTree plain_site_fields() {
  FieldTree fields = tree({"name", "metadata", "resourceId", "siteID"}, {}, {"siteLat", "siteLng"});
  unfilled(fields, {"provider"});
  nest(fields, "region", nested_region_fields());
  nest(fields, "timestamps", timestamp_fields());
  return fields;
}

FieldTree plain_host_fields() {
  static const FieldTree site = plain_site_fields();
  FieldTree fields =
      tree({"name", "resourceId", "uuid", "hostStatus", "onboardingStatus", "registrationStatus", "cpuArchitecture", "metadata",
            "inheritedMetadata"},
           {"desiredState", "currentState", "hostStatusIndicator", "onboardingStatusIndicator", "registrationStatusIndicator"},
           {"hostStatusTimestamp", "onboardingStatusTimestamp", "registrationStatusTimestamp"});
  unfilled(fields,
           {"note",
            "serialNumber",
            "memoryBytes",
            "cpuModel",
            "cpuSockets",
            "cpuCores",
            "cpuThreads",
            "cpuCapabilities",
            "cpuTopology",
            "bmcIp",
            "hostname",
            "productName",
            "biosVersion",
            "biosReleaseDate",
            "biosVendor",
            "powerStatus",
            "powerStatusTimestamp",
            "powerOnTime",
            "amtStatus",
            "amtStatusTimestamp",
            "amtDnsSuffix",
            "kvmSessionStatus",
            "solSessionStatus",
            "userLvmSize",
            "provider",
            "hostStorages",
            "hostNics",
            "hostUsbs",
            "hostGpus"},
           {"bmcKind", "desiredPowerState", "currentPowerState", "powerStatusIndicator", "powerCommandPolicy", "amtSku", "desiredAmtState",
            "currentAmtState", "amtStatusIndicator", "amtControlMode", "kvmStatus", "desiredKvmState", "currentKvmState", "solStatus",
            "desiredSolState", "currentSolState"});
  nest(fields, "site", site);
  nest(fields, "timestamps", timestamp_fields());
  return fields;
}

const FieldTree& applied_policy_fields() {
  static const FieldTree fields = [] {
    FieldTree made = tree({"resourceId"}, {"from"}, {});
    nest(made, "policy", policy_fields());
    return made;
  }();
  return fields;
}

FieldTree plain_instance_fields() {
  static const FieldTree progress = tree({}, {"phase"}, {"percent", "bytesDone", "bytesTotal", "bytesPerSecond"});
  static const FieldTree node = [] {
    FieldTree made = tree({"uuid", "profileName", "architecture", "digest", "journal", "heldWhy", "linkFault"},
                          {"phase", "slot", "online", "held", "paused", "conflict", "windowOpen"}, {"upto"});
    versions(made, {"osImageId"});
    return made;
  }();
  FieldTree fields =
      tree({"name", "resourceId", "instanceID", "updateStatus", "instanceStatus", "instanceStatusDetail", "provisioningStatus",
            "trustedAttestationStatus", "osUpdateAvailable"},
           {"kind", "desiredState", "currentState", "securityFeature", "updateStatusIndicator", "instanceStatusIndicator",
            "provisioningStatusIndicator", "trustedAttestationStatusIndicator"},
           {"updateStatusTimestamp", "instanceStatusTimestamp", "provisioningStatusTimestamp", "trustedAttestationStatusTimestamp"});
  // The CVEs are with the OS resource; those of an instance are shown where it is asked for alone.
  unfilled(fields, {"existingCves", "runtimePackages", "workloadMembers", "localaccount", "customConfig"});
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
                           "installedPackagesUrl", "existingCvesUrl", "fixedCvesUrl", "installedPackages", "existingCves", "fixedCves",
                           "resourceId", "osResourceID", "sha256", "rawSha256"},
                          {"securityFeature", "osType", "osProvider"}, {"imageSizeBytes", "rawSizeBytes"});
    unfilled(made, {"profileVersion", "tlsCaCert", "repoUrl"});
    versions(made, {"imageId"});
    nest(made, "timestamps", timestamp_fields());
    return made;
  }();
  return fields;
}

const FieldTree& policy_fields() {
  static const FieldTree fields = [] {
    FieldTree made = tree({"name", "description", "resourceId"}, {"updatePolicy", "allowDowngrade", "allowProfileChange"}, {});
    unfilled(made, {"updatePackages", "updateSources", "updateKernelCommand"});
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
    made.fields["inheritedMetadata"] = {Kind::text, nullptr};
    nest(made, "updatePolicy", policy_fields());
    return made;
  }();
  return fields;
}

const FieldTree& site_fields() {
  static const FieldTree fields = [] {
    FieldTree made = plain_site_fields();
    made.fields["inheritedMetadata"] = {Kind::text, nullptr};
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
  static const FieldTree host = tree({"name", "resourceId"}, {}, {});
  static const FieldTree instance = [] {
    FieldTree made = tree({"name", "resourceId", "instanceID"}, {}, {});
    nest(made, "host", host);
    return made;
  }();
  static const FieldTree evidence = tree({"check", "outputTail", "detail"}, {"bootCause"}, {"attempts"});
  static const FieldTree fields = [] {
    FieldTree made =
        tree({"name", "description", "status", "statusDetails", "resourceId", "toOsResourceId"},
             {"statusIndicator", "offer", "accepted", "outcome", "reason", "silent"}, {"statusTimestamp", "startTime", "endTime"});
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
