// The platform as a bill of materials: what there is, in which order, and who may do what (modules/access.bicep). No keys anywhere.
targetScope = 'subscription'

import { machineClass } from 'modules/types.bicep'

@description('Name of the environment: one team, one workspace. Part of every resource name.')
@minLength(1)
@maxLength(32)
param environmentName string

@description('Region. It must offer the GPU profiles that are asked for.')
param location string

@description('The team\'s workspace: a Blob container of this name.')
@minLength(3)
@maxLength(63)
param workspace string = 'workspace'

@description('Machine classes: name, Container Apps workload profile, cores, memory, disk, most replicas at a time.')
param machines machineClass[] = [
  { name: 'cpu', profile: 'Consumption', cpu: '4', memory: '8Gi', gpu: false, diskGiB: 8, replicas: 20 }
  { name: 'gpu-t4', profile: 'Consumption-GPU-NC8as-T4', cpu: '8', memory: '56Gi', gpu: true, diskGiB: 8, replicas: 4 }
  { name: 'gpu-a100', profile: 'Consumption-GPU-NC24-A100', cpu: '24', memory: '220Gi', gpu: true, diskGiB: 8, replicas: 2 }
]

@description('Longest time a worker replica may live, hours. It takes no new run in the second half, so make this twice the longest timeout of a run; one that runs longer is handed back and resumes on another worker.')
@minValue(1)
@maxValue(168)
param longestReplicaHours int = 72

@description('Tag of the worker images in the registry; empty on the first deployment, when there are no images yet and so no workers.')
param imageTag string = ''

@description('SHA-256, in hexadecimal, of the secret that the first administrator will use as key. Counts only as long as the workspace has no administrator.')
param adminKeySha256 string = ''

@description('Budget, in the subscription\'s currency a month; mails at 80 % and at 100 %. 0: no budget.')
param monthlyBudget int = 0

@description('First day of the month from which the budget counts.')
param budgetStart string = '${utcNow('yyyy-MM')}-01'

@description('Addresses that alerts and the budget write to.')
param alertEmails string[] = []

@description('Storage and Service Bus reachable from the platform\'s own network only. Service Bus becomes Premium, which is charged by the hour whether used or not; large files then pass through the API.')
param privateNetwork bool = false

@description('Tenant whose people may come in with Microsoft Entra tokens instead of keys; empty: keys only.')
param entraTenant string = ''

@description('Application (client) id that those tokens must be for. docs/deploy.md says how to register it.')
param entraClientId string = ''

var tags = { 'azd-env-name': environmentName, application: 'serverless', workspace: workspace }
var suffix = take(uniqueString(subscription().id, environmentName, location), 10)

resource group 'Microsoft.Resources/resourceGroups@2024-11-01' = {
  name: 'rg-${environmentName}'
  location: location
  tags: tags
}

module identities 'modules/identities.bicep' = {
  scope: group
  params: { location: location, tags: tags, suffix: suffix }
}

module monitoring 'modules/monitoring.bicep' = {
  scope: group
  params: { location: location, tags: tags, suffix: suffix }
}

module storage 'modules/storage.bicep' = {
  scope: group
  params: { location: location, tags: tags, suffix: suffix, workspace: workspace, privateNetwork: privateNetwork }
}

module bus 'modules/servicebus.bicep' = {
  scope: group
  params: { location: location, tags: tags, suffix: suffix, machines: map(machines, machine => machine.name), privateNetwork: privateNetwork }
}

module network 'modules/network.bicep' = if (privateNetwork) {
  scope: group
  params: { location: location, tags: tags, suffix: suffix, storageName: storage.outputs.name, hostStorageName: storage.outputs.hostName, busName: bus.outputs.name }
}

module registry 'modules/registry.bicep' = {
  scope: group
  params: { location: location, tags: tags, suffix: suffix }
}

module events 'modules/events.bicep' = {
  scope: group
  params: { location: location, tags: tags, suffix: suffix, storageName: storage.outputs.name }
}

module access 'modules/access.bicep' = {
  scope: group
  params: {
    workspace: workspace
    storageName: storage.outputs.name
    hostStorageName: storage.outputs.hostName
    busName: bus.outputs.name
    registryName: registry.outputs.name
    insightsName: monitoring.outputs.insightsName
    functionsPrincipal: identities.outputs.functions.principalId
    workerPrincipal: identities.outputs.worker.principalId
    scalerPrincipal: identities.outputs.scaler.principalId
    pullPrincipal: identities.outputs.pull.principalId
    eventsPrincipal: events.outputs.principalId
    filesQueueName: bus.outputs.filesName
    undeliveredContainer: storage.outputs.undelivered
  }
}

module fileEvents 'modules/subscription.bicep' = {
  scope: group
  dependsOn: [access]
  params: {
    topicName: events.outputs.name
    queueId: bus.outputs.filesId
    undeliveredAccountName: storage.outputs.hostName
    undeliveredContainer: storage.outputs.undelivered
  }
}

module functions 'modules/functions.bicep' = {
  scope: group
  dependsOn: [access]
  params: {
    location: location
    tags: tags
    suffix: suffix
    identity: identities.outputs.functions
    hostStorageName: storage.outputs.hostName
    packages: storage.outputs.packages
    blobEndpoint: storage.outputs.blobEndpoint
    busEndpoint: bus.outputs.endpoint
    workspace: workspace
    adminKeySha256: adminKeySha256
    machines: join(map(machines, machine => '${machine.name}=${machine.diskGiB}'), ',')
    insightsConnection: monitoring.outputs.connection
    subnet: network.?outputs.functionsSubnet ?? ''
    entraTenant: entraTenant
    entraClientId: entraClientId
  }
}

module workers 'modules/workers.bicep' = {
  scope: group
  dependsOn: [access]
  params: {
    location: location
    tags: tags
    suffix: suffix
    machines: machines
    imageTag: imageTag
    longestReplicaHours: longestReplicaHours
    workspace: workspace
    worker: identities.outputs.worker
    scaler: identities.outputs.scaler
    pull: identities.outputs.pull
    registryServer: registry.outputs.server
    blobEndpoint: storage.outputs.blobEndpoint
    busEndpoint: bus.outputs.endpoint
    busName: bus.outputs.name
    logsName: monitoring.outputs.logsName
    subnet: network.?outputs.workersSubnet ?? ''
  }
}

module alerts 'modules/alerts.bicep' = if (!empty(alertEmails)) {
  scope: group
  params: { tags: tags, emails: alertEmails, busId: bus.outputs.id, insightsId: monitoring.outputs.insightsId, location: location }
}

module budget 'modules/budget.bicep' = if (monthlyBudget > 0) {
  scope: group
  params: { amount: monthlyBudget, start: budgetStart, emails: alertEmails }
}

output AZURE_RESOURCE_GROUP string = group.name
output AZURE_CONTAINER_REGISTRY_ENDPOINT string = registry.outputs.server
output AZURE_CONTAINER_REGISTRY_NAME string = registry.outputs.name
output FUNCTIONS_NAME string = functions.outputs.name
output EXP_URL string = functions.outputs.url
output EXP_STORAGE string = storage.outputs.name
output EXP_WORKSPACE string = workspace
