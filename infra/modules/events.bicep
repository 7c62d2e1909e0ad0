// Blob events of the workspace account. They are read through Service Bus, so that they are retried and dead-lettered like everything else, and not tied to one container.
param location string
param tags object
param suffix string
param storageName string

resource account 'Microsoft.Storage/storageAccounts@2024-01-01' existing = { name: storageName }

resource topic 'Microsoft.EventGrid/systemTopics@2025-02-15' = {
  name: 'evgt-exp-${suffix}'
  location: location
  tags: tags
  // Its own, and not one of identities.bicep: behind a firewall, storage and bus let in trusted services under a system-assigned identity only.
  identity: { type: 'SystemAssigned' }
  properties: { source: account.id, topicType: 'Microsoft.Storage.StorageAccounts' }
}

output name string = topic.name
output principalId string = topic.identity.principalId
