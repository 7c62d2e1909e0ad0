// Who may do what: every role assignment of the platform, each on the smallest scope that works.
param workspace string
param storageName string
param hostStorageName string
param busName string
param registryName string
param insightsName string
param functionsPrincipal string
param workerPrincipal string
param scalerPrincipal string
param pullPrincipal string
param eventsPrincipal string
param filesQueueName string
param undeliveredContainer string

resource account 'Microsoft.Storage/storageAccounts@2024-01-01' existing = {
  name: storageName

  resource blobs 'blobServices' existing = {
    name: 'default'

    resource team 'containers' existing = { name: workspace }
    resource platform 'containers' existing = { name: 'platform' }
  }
}

resource host 'Microsoft.Storage/storageAccounts@2024-01-01' existing = {
  name: hostStorageName

  resource blobs 'blobServices' existing = {
    name: 'default'

    resource undelivered 'containers' existing = { name: undeliveredContainer }
  }
}

resource bus 'Microsoft.ServiceBus/namespaces@2024-01-01' existing = {
  name: busName

  resource files 'queues' existing = { name: filesQueueName }
}

resource registry 'Microsoft.ContainerRegistry/registries@2023-07-01' existing = { name: registryName }
resource insights 'Microsoft.Insights/components@2020-02-02' existing = { name: insightsName }

resource functionsWorkspace 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  scope: account::blobs::team
  name: guid(account::blobs::team.id, functionsPrincipal, 'Storage Blob Data Contributor')
  properties: { principalId: functionsPrincipal, principalType: 'ServicePrincipal', roleDefinitionId: roleDefinitions('Storage Blob Data Contributor').id }
}

resource functionsPlatform 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  scope: account::blobs::platform
  name: guid(account::blobs::platform.id, functionsPrincipal, 'Storage Blob Data Contributor')
  properties: { principalId: functionsPrincipal, principalType: 'ServicePrincipal', roleDefinitionId: roleDefinitions('Storage Blob Data Contributor').id }
}

// Signs short-lived links to large files; the key that it signs with is asked of the account.
resource functionsDelegator 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  scope: account
  name: guid(account.id, functionsPrincipal, 'Storage Blob Delegator')
  properties: { principalId: functionsPrincipal, principalType: 'ServicePrincipal', roleDefinitionId: roleDefinitions('Storage Blob Delegator').id }
}

// The Functions host keeps its locks, timers and the deployed package here; it asks for these two roles.
resource functionsHostBlobs 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  scope: host
  name: guid(host.id, functionsPrincipal, 'Storage Blob Data Owner')
  properties: { principalId: functionsPrincipal, principalType: 'ServicePrincipal', roleDefinitionId: roleDefinitions('Storage Blob Data Owner').id }
}

resource functionsHostQueues 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  scope: host
  name: guid(host.id, functionsPrincipal, 'Storage Queue Data Contributor')
  properties: { principalId: functionsPrincipal, principalType: 'ServicePrincipal', roleDefinitionId: roleDefinitions('Storage Queue Data Contributor').id }
}

resource functionsSend 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  scope: bus
  name: guid(bus.id, functionsPrincipal, 'Azure Service Bus Data Sender')
  properties: { principalId: functionsPrincipal, principalType: 'ServicePrincipal', roleDefinitionId: roleDefinitions('Azure Service Bus Data Sender').id }
}

resource functionsReceive 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  scope: bus
  name: guid(bus.id, functionsPrincipal, 'Azure Service Bus Data Receiver')
  properties: { principalId: functionsPrincipal, principalType: 'ServicePrincipal', roleDefinitionId: roleDefinitions('Azure Service Bus Data Receiver').id }
}

resource functionsTelemetry 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  scope: insights
  name: guid(insights.id, functionsPrincipal, 'Monitoring Metrics Publisher')
  properties: { principalId: functionsPrincipal, principalType: 'ServicePrincipal', roleDefinitionId: roleDefinitions('Monitoring Metrics Publisher').id }
}

resource workerWorkspace 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  scope: account::blobs::team
  name: guid(account::blobs::team.id, workerPrincipal, 'Storage Blob Data Contributor')
  properties: { principalId: workerPrincipal, principalType: 'ServicePrincipal', roleDefinitionId: roleDefinitions('Storage Blob Data Contributor').id }
}

// A worker receives wakes, sends a run back to the queue and tells the topic that a run ended.
resource workerSend 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  scope: bus
  name: guid(bus.id, workerPrincipal, 'Azure Service Bus Data Sender')
  properties: { principalId: workerPrincipal, principalType: 'ServicePrincipal', roleDefinitionId: roleDefinitions('Azure Service Bus Data Sender').id }
}

resource workerReceive 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  scope: bus
  name: guid(bus.id, workerPrincipal, 'Azure Service Bus Data Receiver')
  properties: { principalId: workerPrincipal, principalType: 'ServicePrincipal', roleDefinitionId: roleDefinitions('Azure Service Bus Data Receiver').id }
}

// KEDA's Service Bus scaler reads queue lengths, which Service Bus gives only to owners.
resource scalerOwner 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  scope: bus
  name: guid(bus.id, scalerPrincipal, 'Azure Service Bus Data Owner')
  properties: { principalId: scalerPrincipal, principalType: 'ServicePrincipal', roleDefinitionId: roleDefinitions('Azure Service Bus Data Owner').id }
}

resource imagePull 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  scope: registry
  name: guid(registry.id, pullPrincipal, 'AcrPull')
  properties: { principalId: pullPrincipal, principalType: 'ServicePrincipal', roleDefinitionId: roleDefinitions('AcrPull').id }
}

// Event Grid sends changed files to their queue, and puts aside what it cannot send.
resource eventsSend 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  scope: bus::files
  name: guid(bus::files.id, eventsPrincipal, 'Azure Service Bus Data Sender')
  properties: { principalId: eventsPrincipal, principalType: 'ServicePrincipal', roleDefinitionId: roleDefinitions('Azure Service Bus Data Sender').id }
}

resource eventsUndelivered 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  scope: host::blobs::undelivered
  name: guid(host::blobs::undelivered.id, eventsPrincipal, 'Storage Blob Data Contributor')
  properties: { principalId: eventsPrincipal, principalType: 'ServicePrincipal', roleDefinitionId: roleDefinitions('Storage Blob Data Contributor').id }
}
